"""Show the result of a drift check: page, metrics, contributing messages."""
