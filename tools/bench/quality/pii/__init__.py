"""Sentences with and without personal data, for the redaction benchmark."""
