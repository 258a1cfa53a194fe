"""Roll a model out on any platform, with automatic rollback."""
