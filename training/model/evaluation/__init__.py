"""Evaluate a bundle: predictions on a test part, metrics, slices."""
