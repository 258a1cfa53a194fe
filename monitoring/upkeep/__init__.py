"""Maintain the object store: compaction, retention, erasure."""
