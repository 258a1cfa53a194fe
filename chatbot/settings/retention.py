"""Define the settings of retention."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class RetentionSettings(Settings):
    """Retention periods of the store (`python -m monitoring.retention`); 0: never deleted."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_RETENTION_")

    records_days: int = Field(default=90, ge=0)
    """Records, counted from their day."""
    feedback_days: int = Field(default=365, ge=0)
    """Feedback, counted from its day."""
    handoffs_days: int = Field(default=90, ge=0)
    """Handoffs, counted from their day."""
    contacts_days: int = Field(default=30, ge=0)
    """Contact data that customers left after a handoff, counted from its day; at most as long as the handoff."""
    reports_days: int = Field(default=180, ge=0)
    """Drift and gate reports, counted from their creation; the latest is kept."""
    bundles_days: int = Field(default=90, ge=0)
    """Unreferenced bundles and their baselines, counted from their creation; MLflow keeps a copy of the bundle."""
    bundles_min_count: int = Field(default=5, ge=1)
    """Number of newest bundles that are kept even if unreferenced."""
    corpora_days: int = Field(default=0, ge=0)
    """DVC corpus files that no registered version and no pointer in this folder references, counted from their
    upload."""
