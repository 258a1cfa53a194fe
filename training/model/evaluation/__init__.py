"""Evaluate a bundle: predictions of labelled messages, metrics, slices."""
