"""Read API keys: digests and scopes of the accepted keys, from a file that is read again when it changes.

    # name  scopes              SHA-256 of the key
    page    chat,feedback,read  6c1f...
    shop    chat                09ab...

A key has 256 random bits (`make_key`), so its SHA-256 cannot be inverted by trying. A slow hash such as scrypt would
protect short secrets, which keys are not, and would let anybody consume the CPU with wrong keys.

Rotation: add a line, give the client its new key, remove the old line. No restart (`chatbot.reread`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import SettingError
from chatbot.reread import RereadFile

CHAT, FEEDBACK, READ = "chat", "feedback", "read"
SCOPES = (CHAT, FEEDBACK, READ)

_PREFIX = "chatbot_"
_KEY_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


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


def parse(content: str) -> tuple[ApiKey, ...]:
    """Parse the file.

    Raises:
        SettingError: a line is invalid, or the file has no key.
    """
    keys = []
    for number, line in enumerate(content.splitlines(), 1):
        entry = line.partition("#")[0].strip()
        try:
            keys += [parse_line(entry)] if entry else []
        except SettingError as error:
            raise SettingError(f"line {number}: {error}") from None
    if not keys:
        raise SettingError(
            "the file has no key: make one with `python -m bento.api_key NAME`, or unset the variable to need none"
        )
    return tuple(keys)


class ApiKeys:
    """The keys of a file, and the supervisor's."""

    def __init__(
        self, file: Path, clock: Callable[[], float] = time.monotonic, supervisor_key: str = ""
    ) -> None:
        """Read the file.

        Args:
            supervisor_key: another key, with the scope `read`, of the process that started this server.

        Raises:
            SettingError: the file is missing, unreadable or invalid, or has no key.
        """
        self._keys = RereadFile("CHATBOT_API_KEYS_FILE", file, parse, clock)
        digest = digest_of(supervisor_key.encode())
        self._own = (ApiKey("supervisor", frozenset({READ}), digest),) if supervisor_key else ()

    def is_file_valid(self) -> bool:
        """Return whether the file, as it is now, is valid; if not, the keys that were read before stay in force."""
        return self._keys.is_valid

    def find(self, key: bytes) -> ApiKey | None:
        """Return the entry of a key; None: the key is not accepted. Constant-time comparison with every entry."""
        digest = digest_of(key)
        found = None
        for entry in (*self._keys.value, *self._own):
            if hmac.compare_digest(entry.digest, digest):
                found = entry
        return found
