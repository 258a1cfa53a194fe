"""Define inference records: their schema, Parquet parts, the log store, handoffs, erasure."""
