"""Rollout and rollback on one machine."""
