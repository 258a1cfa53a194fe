"""Monitoring: inference log, handoff delivery, drift check, retention, erasure, dashboards and alerts."""
