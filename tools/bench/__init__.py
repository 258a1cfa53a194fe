"""`make bench`: every figure of docs/results.md, measured here, each with the command that prints it."""
