"""Measure speed: load generator, servers, baseline."""
