"""Settings of tracking."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class TrackingSettings(Settings):
    """Where training runs are recorded and versions registered: MLflow's own variables, and a few beside them."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_")

    tracking_uri: str = "sqlite:///mlruns/mlflow.db"
    """MLflow's server, or a local database."""
    experiment: str = "support-chatbot"
    """The experiment that runs are filed under."""
    model: str = "support-chatbot"
    """The registered model whose versions are champion and challenger."""
    unsent: Path = Path("models/unsent")
    """Where a run is kept while the server cannot be reached; `python -m training.send` sends it."""
    http_request_timeout: int = Field(default=30, ge=1)
    """Seconds that the server may be silent within a request."""
    http_request_max_retries: int = Field(default=2, ge=0)
    """How often a request is repeated."""
    http_request_backoff_factor: int = Field(default=1, ge=0)
    """Seconds before the first repetition, then twice as long each time."""
