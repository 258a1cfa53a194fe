"""Define the settings of the chat page."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class ChatPageSettings(Settings):
    """The chat page."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_UI_")

    api_url: str = Field(default="http://127.0.0.1:3000", pattern=r"^(https?://\S+)?$")
    """Address of the API."""
    address: str = "127.0.0.1"
    """Address the chat page listens on; `0.0.0.0` in a container."""
    allowed_hosts: str = ""
    """Host names that browsers may open the page by, besides IP addresses and `localhost`, comma-separated; `*`: any.
    Unset: none on a loopback address (DNS rebinding), and any on others."""
    port: int = Field(default=8501, ge=1, le=65535)
    """Port of the chat page."""
    language: str = Field(default="en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    """Language of the page: `ui/texts/<language>.yaml`."""
    timeout_seconds: float = Field(default=15.0, gt=0)
    """Timeout of a request to the API; longer than the API's own, so that its error arrives."""
    privacy_url: str = ""
    """Address of the privacy notice; unset: the page's own."""
    starters: str = "track_order,get_refund,change_shipping_address,payment_issue"
    """Intents offered as first questions, comma-separated; missing ones are replaced by others."""
    handoff_answer: str = ""
    """How and when an agent answers a handoff, in the page's language; unset: no agent can answer in the chat, and the
    page asks customers to write or call."""
    poll_seconds: float = Field(default=3.0, gt=0)
    """Interval at which the page checks an unavailable API."""
