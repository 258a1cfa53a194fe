"""Define the settings of the chat page and of the staff pages."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import HTTP_ADDRESS, Settings


class ChatPageSettings(Settings):
    """The chat page."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_UI_")

    api_url: str = Field(default="http://127.0.0.1:3000", pattern=HTTP_ADDRESS)
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


class StaffSettings(Settings):
    """The staff pages: review, handoffs, drift, versions. Not for customers."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_STAFF_")

    address: str = "127.0.0.1"
    """Address the staff pages listen on; any other than a loopback address requires a login."""
    port: int = Field(default=8502, ge=1, le=65535)
    """Port of the staff pages."""
    token: SecretStr = SecretStr("")
    """Access token: 20 random characters or more (`openssl rand -hex 32`)."""
    token_file: Path | None = None
    """File with the access token, in place of `CHATBOT_STAFF_TOKEN`: read again when it changes, without a restart."""
    session_hours: float = Field(default=12.0, gt=0)
    """How long a login is valid."""
    oidc_secrets: Path | None = None
    """File with Streamlit's `[auth]` section (`redirect_uri`, `cookie_secret`, `client_id`, `client_secret`,
    `server_metadata_url`): login by OpenID Connect instead of the token."""
    oidc_allowed: str = ""
    """Who may log in by OpenID Connect: e-mail addresses and `@domains`, comma-separated. Required with it."""
    oidc_trusts_addresses: bool = False
    """Accept addresses that the provider does not mark as verified; only for your own provider."""
    refresh_seconds: float = Field(default=30.0, gt=0)
    """Maximum age of the data that the pages show."""


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
