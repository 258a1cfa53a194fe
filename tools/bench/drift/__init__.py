"""Measure the drift check: false alarms and detection, and what it costs."""
