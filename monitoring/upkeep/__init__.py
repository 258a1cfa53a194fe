"""Upkeep of the object store: compaction, retention, erasure."""
