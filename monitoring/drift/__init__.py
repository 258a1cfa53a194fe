"""Drift check: read a window of the log, compare it with reference and baseline, decide the drift verdict."""
