"""Gate benchmark: detection of worse challengers."""
