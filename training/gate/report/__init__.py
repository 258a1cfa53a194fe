"""Report the result of the gate: page and files."""
