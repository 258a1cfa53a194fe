"""Define the settings of the inference log."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class LogSettings(Settings):
    """The inference log."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_LOG_")

    folder: Path = Path("monitoring/data")
    """Folder of `inference_log.csv`, `feedback.csv` and the spool."""
    rotate_mb: int = Field(default=64, ge=1)
    """Size at which `inference_log.csv` is rotated."""
    adopt: bool = False
    """Adopt the queues of replicas that ended: the folder is one of several on a volume that all replicas share, named
    after its replica."""
    keep: int = Field(default=10, ge=1)
    """Number of rotated files kept; older ones are deleted."""
    spool_mb: int = Field(default=256, ge=1)
    """Maximum size of the spool; beyond it records are dropped and counted."""
    memory_mb: int = Field(default=8, ge=1)
    """Maximum size of a process's in-memory buffer while the disk is not writable; beyond it the oldest records
    are dropped and counted."""
