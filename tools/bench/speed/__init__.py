"""Speed benchmark: load generator, servers, baseline."""
