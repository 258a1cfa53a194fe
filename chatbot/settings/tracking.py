"""Define the settings of tracking in MLflow."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class TrackingSettings(Settings):
    """Where training runs are recorded and versions registered: MLflow's own variables and a few more."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_")

    tracking_uri: str = "sqlite:///mlruns/mlflow.db"
    """MLflow server, or a local database."""
    tracking_username: str = ""
    """User of an MLflow server that requires a login; unset: no login, or `MLFLOW_TRACKING_TOKEN`."""
    tracking_password: SecretStr = SecretStr("")
    """The user's password."""
    tracking_token: SecretStr = SecretStr("")
    """Bearer token in place of user and password."""
    experiment: str = "support-chatbot"
    """Experiment of the runs."""
    model: str = "support-chatbot"
    """Registered model whose versions are champion and challenger."""
    unsent: Path = Path("models/unsent")
    """Folder of runs recorded while the server was unavailable; `python -m training.send` sends them."""
    http_request_timeout: int = Field(default=30, ge=1)
    """Timeout of a request, in seconds."""
    http_request_max_retries: int = Field(default=2, ge=0)
    """Number of retries of a request."""
