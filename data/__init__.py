"""Corpus preparation for training: load, check, fill placeholders, split."""
