"""Settings of handoff."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class HandoffSettings(Settings):
    """Where a handoff goes beside the staff page."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_HANDOFF_")

    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """A webhook that every handoff is posted to as JSON; unset: handoffs lie on the staff page only."""
    secret: SecretStr = SecretStr("")
    """Signs what is posted (HMAC-SHA256, Standard Webhooks): `whsec_` and base64, or any text of 16 characters or
    more. Needed with a URL."""
    timeout_seconds: float = Field(default=10.0, gt=0)
    """How long the receiver may take for one answer."""
    retry_seconds: float = Field(default=1.0, gt=0)
    """How long to wait after the first failure; twice as long after each further one, with chance in it."""
    most_retry_seconds: float = Field(default=300.0, gt=0)
    """The longest wait between two attempts."""
    keep_hours: float = Field(default=72.0, gt=0)
    """A handoff that could not be delivered for so long is given up and counted."""
    spool_mb: int = Field(default=64, ge=1)
    """The most that undelivered handoffs may take on disk, for each of webhook and store; the oldest goes."""
    turns: int = Field(default=20, ge=0)
    """How many turns of the conversation go along, as far as the same process answered them."""
    sessions: int = Field(default=10_000, ge=0)
    """How many conversations a process remembers."""
    session_minutes: float = Field(default=60.0, gt=0)
    """How long a conversation is remembered after its last message."""
