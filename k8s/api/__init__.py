"""Accesses the Kubernetes API: client, lease, deployment."""
