"""Settings: router."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class RouterSettings(Settings):
    """Threshold overrides: thresholds are learned and stored in the bundle; a value here replaces the learned one."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    answer_threshold: float | None = Field(default=None, ge=0, le=1)
    """Answer from this confidence on; unset: the bundle's threshold."""
    clarify_threshold: float | None = Field(default=None, ge=0, le=1)
    """Offer choices if the three most likely intents together reach this confidence; unset: the bundle's
    threshold."""
    scope_threshold: float | None = None
    """Hand over below this scope score; unset: the bundle's threshold."""
