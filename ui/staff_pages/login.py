"""Authenticate staff: by a token from the environment, by Streamlit's OpenID Connect, or by loopback access only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chatbot.settings import StaffSettings

COOKIE = "support-chatbot-staff"
LEAST_TOKEN_CHARS = 16
MAX_NAME_CHARS = 60
LOCAL = "local"
"""Reviewer name stored if there is no login."""

_WRONG_SECONDS = 1.0
_guessing = threading.Lock()


class LoginError(Exception):
    """The settings would expose the pages; the message says in one line what to set."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A login session.

    Attributes:
        name: the user's name, stored with their decisions.
        until: when the session expires, in seconds since 1970.
    """

    name: str
    until: float


def check(settings: StaffSettings, address: str | None) -> None:
    """Check that the settings protect the pages at an address.

    Args:
        settings: login settings.
        address: address the server listens on; None or empty: every address of this machine.

    Raises:
        LoginError: there is no login beyond loopback, the token is too short, or OpenID Connect is incomplete.
    """
    token = settings.token.get_secret_value()
    if token and len(token) < LEAST_TOKEN_CHARS:
        raise LoginError(
            f"CHATBOT_STAFF_TOKEN has {len(token)} characters, {LEAST_TOKEN_CHARS} are the least. Make one with: "
            "openssl rand -hex 32"
        )
    if settings.oidc_secrets is not None:
        if not Path(settings.oidc_secrets).is_file():
            raise LoginError(f"CHATBOT_STAFF_OIDC_SECRETS={settings.oidc_secrets}: there is no such file")
        if not allowed_of(settings):
            raise LoginError(
                "CHATBOT_STAFF_OIDC_SECRETS needs CHATBOT_STAFF_OIDC_ALLOWED: without it everybody with an account "
                "at your provider could come in. Name e-mail addresses or @domains"
            )
    if not token and settings.oidc_secrets is None and not is_loopback(address):
        raise LoginError(
            f"the staff pages have no login and would listen on {address or 'every address of this machine'}: "
            "set CHATBOT_STAFF_TOKEN (openssl rand -hex 32) or CHATBOT_STAFF_OIDC_SECRETS, or leave "
            "CHATBOT_STAFF_ADDRESS at 127.0.0.1"
        )


def is_loopback(address: str | None) -> bool:
    """Whether an address is reachable only from this machine."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address or "0.0.0.0").is_loopback  # noqa: S104  # what empty stands for
    except ValueError:
        return False


def come_in(settings: StaffSettings, token: str, name: str) -> Visit | None:
    """Return a session if the token is right; else None after one second. Wrong attempts are serialized."""
    expected = settings.token.get_secret_value()
    right = bool(expected) and hmac.compare_digest(token.encode(), expected.encode())
    if not right:
        with _guessing:
            time.sleep(_WRONG_SECONDS)
        return None
    return Visit(name_of(name), time.time() + settings.session_hours * 3600)


def name_of(text: str) -> str:
    """Normalize a reviewer's name for storage: one line, at most MAX_NAME_CHARS characters."""
    return " ".join(text.split())[:MAX_NAME_CHARS]


def to_cookie(settings: StaffSettings, visit: Visit) -> str:
    """Encode the session as a signed cookie (HMAC-SHA256 under the token); a new token invalidates it."""
    content = base64.urlsafe_b64encode(json.dumps([visit.name, visit.until]).encode()).decode()
    return f"{content}.{_sign(settings, content)}"


def from_cookie(settings: StaffSettings, cookies: Mapping[str, str]) -> Visit | None:
    """Return the session of a cookie; None: no cookie, expired, or signature invalid."""
    cookie = cookies.get(COOKIE)
    if not isinstance(cookie, str):
        return None
    content, _, signature = cookie.partition(".")
    if not settings.token.get_secret_value() or not hmac.compare_digest(
        _sign(settings, content).encode(), signature.encode()
    ):
        return None
    try:
        name, until = json.loads(base64.urlsafe_b64decode(content))
        visit = Visit(str(name), float(until))
    except (ValueError, TypeError):
        return None
    return visit if visit.until > time.time() else None


def allowed_of(settings: StaffSettings) -> frozenset[str]:
    """Return the addresses and `@domains` allowed to log in by OpenID Connect, in lower case."""
    parts = (part.strip().lower() for part in settings.oidc_allowed.split(","))
    return frozenset(part for part in parts if "@" in part)


def is_allowed(settings: StaffSettings, claims: Mapping[str, object]) -> bool:
    """Whether the claims contain an allowed e-mail address that is verified, or trusted by `oidc_trusts_addresses`."""
    address = str(claims.get("email") or "").lower()
    is_verified = str(claims.get("email_verified")).lower() == "true" or settings.oidc_trusts_addresses
    if not is_verified or address.count("@") != 1:
        return False
    allowed = allowed_of(settings)
    return address in allowed or f"@{address.partition('@')[2]}" in allowed


def _sign(settings: StaffSettings, content: str) -> str:
    key = settings.token.get_secret_value().encode()
    return hmac.digest(key, b"staff visit\0" + content.encode(), hashlib.sha256).hex()
