"""Settings of retrain."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class RetrainSettings(Settings):
    """The retraining."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_RETRAIN_")

    lease_seconds: float = Field(default=60.0, ge=1)
    """One retraining at a time: the lease of one that was killed on another machine is taken over after so long."""
