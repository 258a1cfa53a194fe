"""Connect to MLflow: runs, registry, figures."""
