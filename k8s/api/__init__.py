"""The Kubernetes API: client, lease, deployment; clock and network."""
