"""Start and stop the service: bundle source, preflight check, CPU quota, process limits, graceful shutdown."""
