"""Run MLflow's app in this process. `mlflow server` starts it in a second one, and keeps 240 MB beside it.

The variables that configure the app are private to MLflow: only this module has their names.
"""

from __future__ import annotations

ARTIFACT_ROOT = "mlflow-artifacts:/"
"""Clients read and write artifacts through the server's proxy."""


def variables(backend: str, artifacts: str, allowed_hosts: str = "") -> dict[str, str]:
    """Return the variables that `mlflow server` would set for a database, the location of artifacts and host names."""
    chosen = {
        "_MLFLOW_SERVER_FILE_STORE": backend,
        "_MLFLOW_SERVER_REGISTRY_STORE": backend,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": ARTIFACT_ROOT,
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": artifacts,
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
        # Only a process for jobs may run the code of a scorer that somebody stored.
        "_MLFLOW_IN_JOB_EXECUTOR": "false",
    }
    return {**chosen, "MLFLOW_SERVER_ALLOWED_HOSTS": allowed_hosts} if allowed_hosts else chosen


def serve(address: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. The variables must be set before: MLflow's modules read them when imported."""
    import uvicorn
    from mlflow.server.handlers import initialize_backend_stores

    # Connects and creates missing tables now, so that an error ends the start and not the first request.
    initialize_backend_stores()
    uvicorn.run("mlflow.server.fastapi_app:app", host=address, port=port)
