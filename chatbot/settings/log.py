"""Settings of log."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class LogSettings(Settings):
    """The inference log."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_LOG_")

    folder: Path = Path("monitoring/data")
    """Where `inference_log.csv`, `feedback.csv` and the spool lie."""
    rotate_mb: int = Field(default=64, ge=1)
    """`inference_log.csv` is put aside and begun anew beyond this size."""
    keep: int = Field(default=10, ge=1)
    """How many put-aside files are kept; the oldest goes."""
    spool_mb: int = Field(default=256, ge=1)
    """The most the spool may hold; beyond it records are dropped and counted."""
    memory_mb: int = Field(default=8, ge=1)
    """The most a process holds in memory while the disk takes nothing; beyond it the oldest are dropped and
    counted."""
