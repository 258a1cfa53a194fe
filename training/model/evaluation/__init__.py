"""Evaluation of a bundle: predictions on a test part, metrics, slices."""
