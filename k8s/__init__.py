"""What acts on Kubernetes: the official client, and no model."""
