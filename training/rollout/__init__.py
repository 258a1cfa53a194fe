"""Roll out and roll back on one machine."""
