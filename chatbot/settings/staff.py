"""Settings of staff."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class StaffSettings(Settings):
    """The staff pages: review, handoffs, drift, versions. Not for customers."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_STAFF_")

    address: str = "127.0.0.1"
    """The address the staff pages listen on; any other than a loopback address needs a login."""
    port: int = Field(default=8502, ge=1, le=65535)
    """The staff pages' port."""
    token: SecretStr = SecretStr("")
    """Whoever knows it may come in: 20 random characters or more (`openssl rand -hex 32`)."""
    session_hours: float = Field(default=12.0, gt=0)
    """How long a login by token lasts."""
    oidc_secrets: Path | None = None
    """A file with Streamlit's `[auth]` section (`redirect_uri`, `cookie_secret`, `client_id`, `client_secret`,
    `server_metadata_url`): people log in with your OpenID Connect provider, and no token is asked for."""
    oidc_allowed: str = ""
    """Who may come in by OpenID Connect: e-mail addresses and `@domains`, comma-separated. Needed with it."""
    oidc_trusts_addresses: bool = False
    """Let in who has such an address also where the provider does not say that it is verified: only one of your own."""
    refresh_seconds: float = Field(default=30.0, gt=0)
    """How old what the pages show may be."""
