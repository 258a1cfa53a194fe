"""MLflow: runs, registry, figures."""
