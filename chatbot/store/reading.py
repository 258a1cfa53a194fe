"""Read objects that others may change or delete at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from chatbot.errors import Conflict, Missing, StoreError
from chatbot.store.interface import Store

_READERS = 16
_TRIES = 20


def find(store: Store, key: str) -> bytes | None:
    """Return an object's content; None: it does not exist."""
    try:
        return store.get(key)
    except Missing:
        return None


def get_all(store: Store, keys: Iterable[str]) -> dict[str, bytes]:
    """Read objects concurrently, in the order given; those deleted since they were listed are left out."""
    keys = list(keys)
    with ThreadPoolExecutor(_READERS) as readers:
        found = readers.map(lambda key: find(store, key), keys)
        return {key: content for key, content in zip(keys, found, strict=True) if content is not None}


def get_versioned(store: Store, key: str) -> tuple[bytes, str] | None:
    """Return an object's content with its ETag, for compare-and-swap; None: it does not exist."""
    for _ in range(_TRIES):
        if (entry := store.head(key)) is None:
            return None
        try:
            return store.get(key, etag=entry.etag), entry.etag
        except (Conflict, Missing):  # changed between the two requests
            continue
    raise StoreError(f"{store}: {key} was changed by others {_TRIES} times in a row; try again")
