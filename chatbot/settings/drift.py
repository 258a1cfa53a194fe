"""Define the settings of the drift check."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class DriftSettings(Settings):
    """The drift check."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_DRIFT_")

    window_hours: float = Field(default=24.0, gt=0)
    """Length of the window."""
    min_records: int = Field(default=500, ge=100)
    """Minimum number of records of the serving version in the window; with fewer, the check is silent."""
    baseline_records: int = Field(default=2_000, ge=500)
    """Number of first records of a version that form its baseline: frozen once, then compared with every
    window."""
    min_effect_scale: float = Field(default=1.0, gt=0)
    """Factor on all minimum effects: 2 requires effects twice as large, 0.5 alarms earlier."""
    textfile: Path | None = None
    """File for node_exporter's textfile collector; unset: `drift.prom` beside the report."""
    api_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Address of the bot, whose `/version` names the served bundle; unset: `CHATBOT_MODEL` or the store."""
