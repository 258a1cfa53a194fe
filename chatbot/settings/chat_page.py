"""Settings of chat page."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class ChatPageSettings(Settings):
    """The chat page."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_UI_")

    api_url: str = "http://127.0.0.1:3000"
    """Where the API answers."""
    address: str = "127.0.0.1"
    """The address the chat page listens on; `0.0.0.0` in a container."""
    port: int = Field(default=8501, ge=1, le=65535)
    """The chat page's port."""
    language: str = Field(default="en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    """Which file of texts the page speaks: `ui/texts/<language>.yaml`."""
    timeout_seconds: float = Field(default=15.0, gt=0)
    """How long the page waits for an answer; longer than the API waits, so that its reason is heard."""
    privacy_url: str = ""
    """The privacy notice it links; unset: the page's own."""
    starters: str = "track_order,get_refund,change_shipping_address,payment_issue"
    """Intents whose titles are offered to begin with, comma-separated; what is missing is filled up."""
    handoff_answer: str = ""
    """How and when somebody answers a handoff, in the page's language; unset: nobody can answer in the chat, and the
    page asks customers to write or call."""
    poll_seconds: float = Field(default=3.0, gt=0)
    """How often the page asks whether the API is back while it is away."""
