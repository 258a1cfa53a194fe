"""API keys: digests and scopes of the accepted keys, read from a file that is read again when it changes.

    # name  scopes              SHA-256 of the key
    page    chat,feedback,read  6c1f...
    shop    chat                09ab...

A key has 256 random bits (`make_key`), so its SHA-256 cannot be inverted by trying. A slow hash such as scrypt would
protect short secrets, which keys are not, and would let anybody consume the CPU with wrong keys.

Rotation: add a line, give the client its new key, remove the old line. No restart; a change is in force within
`REFRESH_SECONDS` of reaching the file.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import SettingError

CHAT, FEEDBACK, READ = "chat", "feedback", "read"
SCOPES = (CHAT, FEEDBACK, READ)
REFRESH_SECONDS = 1.0

_PREFIX = "chatbot_"
_KEY_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")

logger = logging.getLogger("bentoml.chatbot")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An accepted key: its name, scopes and digest."""

    name: str
    scopes: frozenset[str]
    digest: str
    """SHA-256 of the key, 64 hexadecimal digits."""

    def __str__(self) -> str:
        return f"{self.name} {','.join(scope for scope in SCOPES if scope in self.scopes)} {self.digest}"


def make_key(name: str, scopes: Iterable[str]) -> tuple[str, ApiKey]:
    """Make a random key; return it and its entry for the file.

    Raises:
        SettingError: the name or a scope is invalid.
    """
    key = _PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    return key, parse_line(f"{name} {','.join(scopes)} {digest_of(key.encode())}")


def digest_of(key: bytes) -> str:
    """Return the SHA-256 of a key."""
    return hashlib.sha256(key).hexdigest()


def parse_line(line: str) -> ApiKey:
    """Parse one line of the file.

    Raises:
        SettingError: the line is invalid. The text does not repeat it: it may contain a key by mistake.
    """
    parts = line.split()
    if len(parts) != 3:
        raise SettingError(f"{len(parts)} words instead of 3: name, scopes, SHA-256 of the key")
    name, scopes, digest = parts
    if not _NAME.fullmatch(name):
        raise SettingError("the name is not 1 to 64 letters, digits and `._-`")
    if not _DIGEST.fullmatch(digest):
        raise SettingError("the third word is not a SHA-256 of 64 hexadecimal digits")
    found = frozenset(scopes.split(","))
    if not found <= set(SCOPES):
        raise SettingError(f"the scopes of {name} are not of {', '.join(SCOPES)}, comma-separated")
    return ApiKey(name, found, digest)


class ApiKeys:
    """The keys of a file. For one event loop; not thread-safe."""

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Read the file.

        Raises:
            SettingError: the file is missing, unreadable or invalid, or has no key.
        """
        self._file = file
        self._clock = clock
        self._checked = clock()
        self._state = self._stat()
        self._keys = self._read()

    def find(self, key: bytes) -> ApiKey | None:
        """Return the entry of a key; None: the key is not accepted. Takes the same time for every key."""
        self._refresh()
        digest = digest_of(key)
        found = None
        for entry in self._keys:
            if hmac.compare_digest(entry.digest, digest):
                found = entry
        return found

    def _refresh(self) -> None:
        """Read the file again if it changed; an invalid one leaves the previous keys in force and is logged once."""
        now = self._clock()
        if now - self._checked < REFRESH_SECONDS:
            return
        self._checked = now
        state = self._stat()
        if state == self._state:
            return
        self._state = state
        try:
            self._keys = self._read()
        except SettingError as error:
            logger.error("%s; the keys read before stay in force", error)
        else:
            logger.warning("%s was read again: %d API keys", self._file, len(self._keys))

    def _stat(self) -> tuple[int, ...]:
        try:
            status = self._file.stat()
        except OSError:
            return ()
        # Kubernetes replaces a mounted Secret by another file, which may be of the same size and second.
        return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)

    def _read(self) -> tuple[ApiKey, ...]:
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"CHATBOT_API_KEYS_FILE={self._file} cannot be read: {error}") from None
        keys = []
        for number, line in enumerate(lines, 1):
            content = line.partition("#")[0].strip()
            try:
                keys += [parse_line(content)] if content else []
            except SettingError as error:
                raise SettingError(f"CHATBOT_API_KEYS_FILE={self._file}, line {number}: {error}") from None
        if not keys:
            raise SettingError(
                f"CHATBOT_API_KEYS_FILE={self._file} has no key: make one with `python -m bento.api_key NAME`, "
                "or unset the variable to need none"
            )
        return tuple(keys)
