"""Measure how cost grows: with connections, message length, cores, rows and queued messages."""
