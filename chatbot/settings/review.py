"""Settings of review."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class ReviewSettings(Settings):
    """The review queue: which messages are worth a person's minute."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_REVIEW_")

    days: float = Field(default=14.0, gt=0)
    """How far back messages are looked at."""
    confidence: float = Field(default=0.6, ge=0, le=1)
    """An answer given with less is shown; what the bot asked back on or handed over unsure always is."""
    margin: float = Field(default=0.1, ge=0, le=1)
    """Two intents that are this close in confidence are a near tie."""
    most: int = Field(default=3_000, ge=1)
    """The most distinct messages that are looked at for near-duplicates and clusters: those most worth it."""
    cluster_size: int = Field(default=5, ge=2)
    """The fewest distinct messages that make a cluster."""
    cluster_similarity: float = Field(default=0.45, gt=0, lt=1)
    """How alike the messages of a cluster are: their mean cosine."""
