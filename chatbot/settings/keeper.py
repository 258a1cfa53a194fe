"""Settings of keeper."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class KeeperSettings(Settings):
    """What keeps the service on one machine (`python -m bento.keeper`) and follows serving.json in the store."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_KEEPER_")

    poll_seconds: float = Field(default=2.0, gt=0)
    """How often it asks the store what should serve."""
    start_seconds: float = Field(default=60.0, gt=0)
    """How long a new server may take until it answers; then the old one stays."""
    drain_seconds: float = Field(default=2.0, ge=0)
    """How long the old server goes on beside the new one; `CHATBOT_DRAIN_SECONDS` goes before, where it is set."""
