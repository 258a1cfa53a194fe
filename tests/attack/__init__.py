"""Attack the service on loopback, bounded in count and time: `python -m tests.attack` (`make attack`)."""
