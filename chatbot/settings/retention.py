"""Settings of retention."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class RetentionSettings(Settings):
    """How long what lies in the store is kept (`python -m monitoring.retention`); 0 keeps it for ever."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_KEEP_")

    records_days: int = Field(default=90, ge=0)
    """Records, after the day they are of."""
    feedback_days: int = Field(default=365, ge=0)
    """Feedback, after the day it is of."""
    handoffs_days: int = Field(default=90, ge=0)
    """Handoffs, after the day they are of."""
    reports_days: int = Field(default=180, ge=0)
    """Drift and gate reports, after they were written; the latest stays."""
    bundles_days: int = Field(default=90, ge=0)
    """Bundles and their baselines that nobody names, after they were written; MLflow has the bundle still."""
    bundles: int = Field(default=5, ge=1)
    """So many of the newest bundles stay, whoever names them."""
    corpora_days: int = Field(default=0, ge=0)
    """Corpus files under DVC that no registered version and no pointer in this folder names, after they were
    pushed."""
