"""Define the settings of retraining."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class RetrainSettings(Settings):
    """Retraining."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_RETRAIN_")

    lease_seconds: float = Field(default=60.0, ge=1)
    """Lease expiry: one retraining runs at a time; the lease of one that was killed is taken over after this
    time."""
