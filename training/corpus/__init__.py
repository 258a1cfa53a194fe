"""Provide corpora for training: reading, versions in DVC, the DVC remote."""
