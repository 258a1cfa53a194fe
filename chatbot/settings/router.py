"""Settings of router."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class RouterSettings(Settings):
    """Thresholds are learned and lie in the bundle; a value here overrides the learned one."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    answer_confidence: float | None = Field(default=None, ge=0, le=1)
    """Answer from this confidence on; unset: as the bundle says."""
    clarify_confidence: float | None = Field(default=None, ge=0, le=1)
    """Offer choices when the likeliest three together reach this; unset: as the bundle says."""
    scope: float | None = None
    """Hand over below this scope score; unset: as the bundle says."""
