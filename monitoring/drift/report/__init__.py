"""What a drift check shows: page, metrics, contributing messages."""
