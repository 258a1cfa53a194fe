"""Create and verify prediction ids: unique, sortable by time, authenticated by a MAC that every replica can verify.

    01k3v5q8zr 000 f2m7x0qk 3c9d5h1w8zt6a
    time       n   process  MAC

34 characters of Crockford's base32 in lower case, without the spaces. time: 50 bits, milliseconds since 1970.
n: 15 bits, a counter of the ids of one process within one millisecond. process: 40 bits, random per process.
MAC: the first 65 bits of HMAC-SHA256 over the preceding characters.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from chatbot.errors import SettingError
from chatbot.settings import LogSettings, ServiceSettings

KEY_FILE = "prediction.key"
KEY_BYTES = 32
LEAST_KEY_CHARS = 16

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_TIME_CHARS, _COUNT_CHARS, _PROCESS_CHARS, _MAC_CHARS = 10, 3, 8, 13
_SIGNED_CHARS = _TIME_CHARS + _COUNT_CHARS + _PROCESS_CHARS
LENGTH = _SIGNED_CHARS + _MAC_CHARS
_FORM = re.compile(rf"[{_ALPHABET}]{{{LENGTH}}}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = int((datetime.max.replace(tzinfo=UTC) - _EPOCH).total_seconds() * 1000)
_COUNTS = 32**_COUNT_CHARS
_STEP_BACK_MS = 5_000
"""A clock that is set back by more is followed; within it, ids go on in order."""


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class _Clock:
    """Clock of one process's ids: thread-safe, never returns the same value twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0, 0
        self.process = _random(_PROCESS_CHARS)

    def next(self) -> tuple[int, int, str]:
        """Return the next (millisecond, count, process); increasing, except where a wrong clock is corrected.

        A clock that was years ahead would otherwise date all later records years ahead. The milliseconds that then
        come a second time get a new random process part, so that no id is made twice.
        """
        with self._lock:
            now = int(time.time() * 1000)
            last, count = self._last
            if now > last:
                self._last = now, 0
            elif last - now > _STEP_BACK_MS:
                self._last = now, 0
                self.process = _random(_PROCESS_CHARS)
            elif count + 1 < _COUNTS:
                self._last = last, count + 1
            else:
                self._last = last + 1, 0
            return *self._last, self.process


_clock = _Clock()


def _start_anew() -> None:
    global _clock
    _clock = _Clock()


# A forked worker that kept its parent's clock would generate duplicate ids.
os.register_at_fork(after_in_child=_start_anew)


def new_id(key: bytes, now: float | None = None) -> str:
    """Generate a prediction id: 34 characters, URL-safe.

    Args:
        key: secret shared by all replicas (`load_or_make_key`).
        now: seconds since 1970 of a prediction made at another time, as in a replay; such an id is unique and
            sorts by millisecond only. Default: the system clock; then the ids of a process are strictly
            increasing, unless the clock is set back by more than 5 s.
    """
    if now is None:
        milliseconds, count, process = _clock.next()
    else:
        milliseconds, count, process = round(now * 1000), secrets.randbelow(_COUNTS), _random(_PROCESS_CHARS)
    signed = _encode(milliseconds, _TIME_CHARS) + _encode(count, _COUNT_CHARS) + process
    return signed + _mac(key, signed)


def is_ours(key: bytes, text: str) -> bool:
    """Verify an id's MAC with this key, in constant time. Never raises."""
    if not isinstance(text, str) or not _FORM.fullmatch(text):
        return False
    return hmac.compare_digest(_mac(key, text[:_SIGNED_CHARS]), text[_SIGNED_CHARS:])


def time_of(text: str) -> datetime:
    """Return the time of the prediction, in UTC, to the millisecond. Does not verify the MAC.

    Raises:
        ValueError: the text does not have the form of a prediction id.
    """
    milliseconds = _decode(text[:_TIME_CHARS]) if _FORM.fullmatch(text) else _LAST_MS + 1
    if milliseconds > _LAST_MS:
        raise ValueError(f"{text[:64]!r} is not a prediction id: expected {LENGTH} characters of {_ALPHABET}")
    return _EPOCH + timedelta(milliseconds=milliseconds)


def opaque(key: bytes, text: str) -> str:
    """Return a pseudonym (keyed hash) of a text: 16 characters, deterministic per key and text.

    For values that clients choose and that may contain PII, such as session ids.
    """
    digest = hmac.digest(key, b"opaque\0" + text.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return _encode(int.from_bytes(digest[:10]), 16)


def token_of(key: bytes, prediction_id: str) -> str:
    """Return the token that proves who got a prediction's reply: 26 characters, in no log and no store."""
    digest = hmac.digest(key, b"contact\0" + prediction_id.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return _encode(int.from_bytes(digest[:16]), 26)


def load_or_make_key(service: ServiceSettings, log: LogSettings) -> bytes:
    """Return the MAC key of prediction ids: from the settings, else from a key file that is created on first use.

    Safe for concurrent starts: one process creates the file (mode 0600, in the log's folder), all read it.

    Raises:
        SettingError: the key in the settings is too short, or the file is invalid, unreadable or cannot be created.
    """
    key = service.prediction_key.get_secret_value()
    if key:
        if len(key) < LEAST_KEY_CHARS:
            raise SettingError(
                f"CHATBOT_PREDICTION_KEY has {len(key)} characters, {LEAST_KEY_CHARS} are the least: ids "
                "are public, and a short key is guessed from them. Make one with: openssl rand -hex 32"
            )
        return key.encode()
    file = log.folder / KEY_FILE
    try:
        if not file.exists():
            _make_key(file)
        written = file.read_text(encoding="ascii").strip()
        if len(written) != 2 * KEY_BYTES:
            raise ValueError(f"{len(written)} characters instead of {2 * KEY_BYTES}")
        return bytes.fromhex(written)
    except OSError as error:
        raise SettingError(
            f"the key of the prediction ids can be neither read from nor made at {file}: {error}. "
            "Set CHATBOT_PREDICTION_KEY, or make the folder writable"
        ) from error
    except ValueError as error:
        raise SettingError(
            f"{file} holds no key: {error}. Delete it, and a new one is made at start"
        ) from error


def _make_key(file: Path) -> None:
    """Create the key file atomically (temporary file, then link); keeps a file that exists."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(KEY_BYTES) + "\n")
            stream.flush()
            os.fsync(descriptor)
        os.link(draft, file)
    except FileExistsError:
        pass  # a concurrent process created the key: use that one
    finally:
        draft.unlink()


def _mac(key: bytes, signed: str) -> str:
    mac = _keyed(key).copy()
    mac.update(signed.encode("ascii"))
    return _encode(int.from_bytes(mac.digest()[:9]) >> 7, _MAC_CHARS)


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> hmac.HMAC:
    """Return a keyed MAC to copy for each id: `hmac.digest` would set up the key each time and wait for the GIL."""
    return hmac.new(key, b"prediction\0", hashlib.sha256)


def _encode(number: int, length: int) -> str:
    text = ""
    for _ in range(0, length, 2):
        text = _PAIRS[number & 1023] + text
        number >>= 10
    return text[-length:]


def _decode(text: str) -> int:
    number = 0
    for character in text:
        number = number << 5 | _VALUES[character]
    return number
