"""Define the settings of the review queue."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class ReviewSettings(Settings):
    """The review queue (active learning): which messages are offered for labelling."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_REVIEW_")

    days: float = Field(default=14.0, gt=0)
    """Age of the oldest messages considered."""
    confidence: float = Field(default=0.6, ge=0, le=1)
    """Answers below this confidence are queued; clarifications and uncertain handoffs always are."""
    margin: float = Field(default=0.1, ge=0, le=1)
    """Two intents this close in confidence are a near tie."""
    max_messages: int = Field(default=3_000, ge=1)
    """Maximum number of distinct messages examined for near-duplicates and clusters: those of highest priority."""
