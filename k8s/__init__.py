"""Automates retraining and rollout on Kubernetes with the official client; loads no model."""
