"""Define the settings of handoffs."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class HandoffSettings(Settings):
    """Delivery of handoffs, besides the staff page."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_HANDOFF_")

    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Webhook that receives every handoff as a JSON POST; unset: handoffs appear on the staff page only."""
    secret: SecretStr = SecretStr("")
    """Signing key of the webhook (HMAC-SHA256, Standard Webhooks): `whsec_` and base64, or any text of 16
    characters or more. Required with a URL."""
    timeout_seconds: float = Field(default=10.0, gt=0)
    """Total time of one delivery attempt."""
    retry_seconds: float = Field(default=1.0, gt=0)
    """Delay after the first failure; doubled after each further one, with jitter."""
    max_backoff_seconds: float = Field(default=300.0, gt=0)
    """Maximum delay between two attempts."""
    max_age_hours: float = Field(default=72.0, gt=0)
    """An undelivered handoff of this age is dropped and counted."""
    queue_mb: int = Field(default=64, ge=1)
    """Maximum size of undelivered handoffs on disk, per target; beyond it the oldest is dropped."""
    turns: int = Field(default=20, ge=0)
    """Maximum number of turns of the conversation sent with a handoff, as far as the same process answered
    them."""
    sessions: int = Field(default=10_000, ge=0)
    """Number of conversations a process remembers."""
    session_minutes: float = Field(default=60.0, gt=0)
    """How long a conversation is remembered after its last message."""

    @model_validator(mode="after")
    def _check_delays(self) -> Self:
        if self.retry_seconds > self.max_backoff_seconds:
            raise PydanticCustomError(
                "delays",
                "CHATBOT_HANDOFF_RETRY_SECONDS={first} is above CHATBOT_HANDOFF_MAX_BACKOFF_SECONDS={most}",
                {"first": self.retry_seconds, "most": self.max_backoff_seconds},
            )
        return self
