"""Settings of upload."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class ShipSettings(Settings):
    """How the log gets from a replica to the object store (`CHATBOT_STORE_URL`)."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_SHIP_")

    part_rows: int = Field(default=20_000, ge=1)
    """A part is sent when so many rows wait."""
    part_seconds: float = Field(default=300.0, gt=0)
    """A part is sent when its first row has waited so long."""
    retry_seconds: float = Field(default=30.0, gt=0)
    """How long after a failure the store is asked again."""
    spool_mb: int = Field(default=256, ge=1)
    """The most that may wait in `to-store` of the log's folder; beyond it the oldest is dropped and counted."""
    close_seconds: float = Field(default=10.0, gt=0)
    """How long a stop may take to send what waits."""
