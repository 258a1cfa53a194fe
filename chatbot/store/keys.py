"""Keys of the object store: parts of letters, digits and `._=@+-`, separated by slashes."""

from __future__ import annotations

import re

from chatbot.errors import StoreError

_PART = r"[A-Za-z0-9_=@+-][A-Za-z0-9._=@+-]*"
_KEY = re.compile(rf"{_PART}(?:/{_PART})*")
_PREFIX = re.compile(rf"(?:{_PART}/)*(?:{_PART})?")
_MOST_KEY_CHARS = 512


def check_key(key: str) -> str:
    """Validate a key and return it.

    Raises: StoreError: the key is invalid.
    """
    if len(key) > _MOST_KEY_CHARS or not _KEY.fullmatch(key):
        raise StoreError(
            f"{key[:80]!r} is not a key of the store: expected parts of [A-Za-z0-9._=@+-] between slashes"
        )
    return key


def stem(key: str) -> str:
    """Return the last part of a key without `.json`: the id in the object's name."""
    return key.rpartition("/")[2].removesuffix(".json")


def is_prefix(prefix: str) -> bool:
    """Whether a text is the beginning of a valid key."""
    return len(prefix) <= _MOST_KEY_CHARS and _PREFIX.fullmatch(prefix) is not None


def check_prefix(prefix: str) -> str:
    """Validate a key prefix and return it, like `check_key`."""
    if not is_prefix(prefix):
        raise StoreError(f"{prefix[:80]!r} begins no key of the store")
    return prefix
