"""Define the settings of the MLflow server."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class MlflowServerSettings(Settings):
    """The MLflow server that `python -m training.mlflow_server` starts: runs, registry, artifact proxy."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_MLFLOW_")

    address: str = "127.0.0.1"
    """Address it listens on; `0.0.0.0` in a container."""
    port: int = Field(default=5000, ge=1, le=65535)
    """Its port."""
    backend: str = "sqlite:///mlruns/mlflow.db"
    """Database of runs and versions. A SQLite file of an older MLflow is backed up beside itself and upgraded."""
    artifacts: str = ""
    """Location of artifacts: a folder or `s3://bucket/prefix`; unset: `mlflow/` in the store."""
    allowed_hosts: str = ""
    """Host names under which clients may reach it, comma-separated, each with its port or `:*`; others get 403.
    Unset: this machine and private addresses."""
