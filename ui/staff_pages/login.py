"""Authenticate staff: by a token, by Streamlit's OpenID Connect, or by loopback access only."""

from __future__ import annotations

import hmac
import time
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from chatbot.errors import SettingError
from chatbot.hosts import is_loopback
from chatbot.reread import RereadFile
from chatbot.settings import StaffSettings

MIN_TOKEN_CHARS, MIN_DISTINCT_CHARS = 20, 6
"""A token with fewer characters, or fewer different ones, is not random enough."""
MAX_NAME_CHARS = 60
LOCAL = "local"
"""Reviewer name stored without a login."""


def check(settings: StaffSettings, address: str | None) -> None:
    """Check that the settings protect the pages at an address.

    Args:
        address: address the server listens on; None or empty: every address of this machine.

    Raises:
        SettingError: no login is configured beyond loopback, the token is too weak, or OpenID Connect is incomplete.
    """
    if settings.token.get_secret_value() and settings.token_file is not None:
        raise SettingError("CHATBOT_STAFF_TOKEN and CHATBOT_STAFF_TOKEN_FILE are both set: unset one of them")
    token = token_of(settings)
    if token:
        _check_random(token, "CHATBOT_STAFF_TOKEN")
    if settings.oidc_secrets is not None:
        if not Path(settings.oidc_secrets).is_file():
            raise SettingError(f"CHATBOT_STAFF_OIDC_SECRETS={settings.oidc_secrets}: no such file")
        _check_secrets(Path(settings.oidc_secrets))
        if not allowed_of(settings):
            raise SettingError(
                "CHATBOT_STAFF_OIDC_SECRETS needs CHATBOT_STAFF_OIDC_ALLOWED: without it everyone with an account "
                "at your provider could log in. Name e-mail addresses or @domains"
            )
    if not token and settings.oidc_secrets is None and not is_loopback(address):
        raise SettingError(
            f"the staff pages have no login and would listen on {address or 'every address of this machine'}: "
            "set CHATBOT_STAFF_TOKEN (openssl rand -hex 32), CHATBOT_STAFF_TOKEN_FILE or "
            "CHATBOT_STAFF_OIDC_SECRETS, or leave "
            "CHATBOT_STAFF_ADDRESS at 127.0.0.1"
        )


def _check_secrets(file: Path) -> None:
    """Check the secret that signs the login cookie: who guesses it can log in as anybody."""
    try:
        auth = tomllib.loads(file.read_text(encoding="utf-8")).get("auth", {})
        secret = str(auth.get("cookie_secret", ""))
    except (OSError, ValueError, AttributeError) as error:
        raise SettingError(f"CHATBOT_STAFF_OIDC_SECRETS={file} cannot be read: {error}") from error
    _check_random(secret, f"CHATBOT_STAFF_OIDC_SECRETS={file}: `cookie_secret` in [auth]")


def _check_random(secret: str, name: str) -> None:
    if len(secret) < MIN_TOKEN_CHARS or len(set(secret)) < MIN_DISTINCT_CHARS:
        raise SettingError(
            f"{name} has {len(secret)} characters, {len(set(secret))} of them different: expected "
            f"{MIN_TOKEN_CHARS} random characters or more. Make one with: openssl rand -hex 32"
        )


def is_by_token(settings: StaffSettings) -> bool:
    """Whether people log in with the token."""
    return bool(token_of(settings)) and settings.oidc_secrets is None


def token_of(settings: StaffSettings) -> str:
    """Return the token in force; empty: none is configured.

    Raises:
        SettingError: the file of the token is missing, unreadable or too weak, and was never valid in this process.
    """
    if settings.token_file is not None:
        return _token_file(settings.token_file).value
    return settings.token.get_secret_value()


@cache
def _token_file(file: Path) -> RereadFile[str]:
    return RereadFile("CHATBOT_STAFF_TOKEN_FILE", file, _token)


def _token(content: str) -> str:
    token = content.strip()
    _check_random(token, "the token")
    return token


def is_token(settings: StaffSettings, token: str) -> bool:
    """Whether this is the configured token, compared in constant time."""
    expected = token_of(settings)
    return bool(expected) and hmac.compare_digest(token.encode(), expected.encode())


def name_of(text: str) -> str:
    """Normalize a reviewer's name for storage: one line, at most MAX_NAME_CHARS characters."""
    return " ".join(text.split())[:MAX_NAME_CHARS]


def allowed_of(settings: StaffSettings) -> frozenset[str]:
    """Return the addresses and `@domains` allowed to log in by OpenID Connect, in lower case."""
    parts = (part.strip().lower() for part in settings.oidc_allowed.split(","))
    return frozenset(part for part in parts if "@" in part)


def is_recent(settings: StaffSettings, claims: Mapping[str, object]) -> bool:
    """Whether the provider issued the claims within `session_hours`; Streamlit keeps its cookie for 30 days."""
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        return False
    return time.time() - issued < settings.session_hours * 3600


def is_allowed(settings: StaffSettings, claims: Mapping[str, object]) -> bool:
    """Whether the claims contain an allowed e-mail address that is verified, or trusted by `oidc_trusts_addresses`."""
    address = str(claims.get("email") or "")
    # Lower case makes ASCII of some other letters, such as the Kelvin sign: another mailbox.
    if not address.isascii():
        return False
    address = address.lower()
    is_verified = str(claims.get("email_verified")).lower() == "true" or settings.oidc_trusts_addresses
    if not is_verified or address.count("@") != 1:
        return False
    allowed = allowed_of(settings)
    return address in allowed or f"@{address.partition('@')[2]}" in allowed
