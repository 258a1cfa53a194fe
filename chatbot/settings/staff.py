"""Define the settings of the staff pages."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


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
