"""Keep server-side sessions of the staff pages: documents in the store, signed cookies, revoked by logout.

Signatures and token hashes are checked by constant-time comparison (`hmac.compare_digest`).

staff/session-key                      random signing key, created once
staff/sessions/<sha256 of id>.json     a session; the cookie alone has the id
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import time
from functools import lru_cache

from pydantic import ValidationError

from chatbot.documents import Document
from chatbot.errors import Conflict, Missing
from chatbot.settings import StaffSettings, StorageSettings
from chatbot.store import Store, layout, open_store
from ui.staff_pages import login

COOKIE = "support-chatbot-staff"
DEVICE_COOKIE = "support-chatbot-staff-device"


class ForgedCookie(Exception):
    """The cookie's signature is wrong: it was not issued here."""


class StaffSession(Document):
    """A login session, as stored.

    Attributes:
        until: when the session expires, in seconds since 1970.
        token: keyed hash of the token it was opened with; a new token ends the session.
    """

    name: str
    until: float
    token: str


class Sessions:
    """Sessions of one store. Thread-safe; every replica sees the same."""

    def __init__(self, store: Store, settings: StaffSettings) -> None:
        """Configure; reads nothing from the store."""
        self._store = store
        self._settings = settings
        self._key = b""

    def start(self, name: str) -> str:
        """Open a session and return its cookie; deletes the sessions that have expired.

        Raises: StoreError: the store is unavailable.
        """
        now = time.time()
        self._key = self._stored_key()  # an operator or another replica may have replaced the one known here
        for entry in self._store.list(layout.STAFF_SESSIONS):
            if entry.modified.timestamp() + self._seconds < now:
                self._store.delete(entry.key)
        session_id = secrets.token_urlsafe(32)
        session = StaffSession(
            name=name, until=now + self._seconds, token=self._sign(login.token_of(self._settings))
        )
        self._store.put(_key_of(session_id), session.model_dump_json().encode(), new=True)
        return f"{session_id}.{self._sign(session_id)}"

    def find(self, cookie: str) -> StaffSession | None:
        """Return the session of a cookie; None: it was ended, has expired, or the token has changed.

        Raises: ForgedCookie: the signature is wrong.
        """
        session_id = self._id_of(cookie)
        try:
            session = StaffSession.model_validate_json(self._store.get(_key_of(session_id)))
        except (Missing, ValidationError):
            return None
        is_current = hmac.compare_digest(session.token, self._sign(login.token_of(self._settings)))
        return session if is_current and time.time() < session.until else None

    def end(self, cookie: str) -> None:
        """Revoke a session, for every browser and replica. Idempotent.

        Raises: ForgedCookie: the signature is wrong.
        """
        self._store.delete(_key_of(self._id_of(cookie)))

    def new_device(self) -> str:
        """Return the cookie of a browser that has logged in.

        Raises: StoreError: the store is unavailable.
        """
        device_id = secrets.token_urlsafe(16)
        return f"{device_id}.{self._sign(f'device {device_id}')}"

    def is_device(self, cookie: str) -> bool:
        """Whether `new_device` issued this cookie.

        Raises: StoreError: the store is unavailable.
        """
        device_id, _, signature = cookie.partition(".")
        return hmac.compare_digest(self._sign(f"device {device_id}").encode(), signature.encode())

    @property
    def _seconds(self) -> float:
        return self._settings.session_hours * 3600

    def _id_of(self, cookie: str) -> str:
        session_id, _, signature = cookie.partition(".")
        if not hmac.compare_digest(self._sign(session_id).encode(), signature.encode()):
            raise ForgedCookie
        return session_id

    def _sign(self, text: str) -> str:
        if not self._key:
            self._key = self._stored_key()
        return hmac.digest(self._key, text.encode(), hashlib.sha256).hex()

    def _stored_key(self) -> bytes:
        with contextlib.suppress(Conflict):  # another replica was first
            if self._store.head(layout.STAFF_SESSION_KEY) is None:
                self._store.put(layout.STAFF_SESSION_KEY, secrets.token_bytes(32), new=True)
        return self._store.get(layout.STAFF_SESSION_KEY)


@lru_cache(maxsize=1)
def open_sessions() -> Sessions:
    """Return the sessions configured by the environment.

    Raises: SettingError: no store is configured.
    """
    return Sessions(open_store(StorageSettings()), StaffSettings())


def _key_of(session_id: str) -> str:
    return f"{layout.STAFF_SESSIONS}{hashlib.sha256(session_id.encode()).hexdigest()}.json"
