"""Roll out models on Kubernetes: state machine, canary analysis of live metrics, automatic rollback, reconcile."""
