"""Start and stop: bundle source, preflight check, CPU quota, process limits, graceful shutdown."""
