"""Rollout on one machine."""
