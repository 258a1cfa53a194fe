"""Settings of drift."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class DriftSettings(Settings):
    """The drift check, and the retraining it may ask for on one machine."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_DRIFT_")

    window_hours: float = Field(default=24.0, gt=0)
    """How far back the window reaches."""
    least_records: int = Field(default=500, ge=100)
    """With fewer records of the serving version in the window the check is silent."""
    baseline_records: int = Field(default=2_000, ge=500)
    """So many of a version's first records are its baseline: frozen once, then what windows are compared with."""
    scale: float = Field(default=1.0, gt=0)
    """Of all least effects that matter: 2 asks for effects twice as large, 0.5 alarms earlier."""
    skew_seconds: float = Field(default=300.0, ge=0)
    """A record whose time lies further ahead than this comes from a wrong clock: left out and counted."""
    pushgateway: str = ""
    """Where Prometheus metrics are pushed to, such as `http://pushgateway:9091`; unset: nowhere."""
    textfile: Path | None = None
    """A file for node_exporter's textfile collector; unset: `drift.prom` beside the report."""
    api_url: str = ""
    """The bot's address, asked which bundle serves (`/version`); unset: `CHATBOT_MODEL` or the store says."""
    cooldown_hours: float = Field(default=24.0, ge=0)
    """The least time between two retrainings that `monitoring.retrain_if_needed` asks for."""
