"""Rollout on Kubernetes: state machine, analysis of live metrics, reconciliation, automatic rollback."""
