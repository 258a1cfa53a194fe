"""`make bench`: measure every figure of docs/results.md on this machine, each with the command to reproduce it."""
