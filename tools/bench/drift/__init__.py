"""Drift benchmark: false alarms and detection."""
