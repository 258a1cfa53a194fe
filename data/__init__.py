"""Prepare a corpus for training: load, check, fill placeholders, split."""
