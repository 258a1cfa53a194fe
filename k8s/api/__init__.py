"""Accesses the Kubernetes API: client, lease, deployment, and the runtime (clock, threads, network)."""
