"""Measure the gate: detection of worse challengers."""
