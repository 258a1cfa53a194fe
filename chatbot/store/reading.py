"""Read objects that others may change or delete at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from chatbot.errors import Conflict, Missing, StoreError
from chatbot.store.interface import Entry, Store

T = TypeVar("T")
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


class ParsedObjects(Generic[T]):
    """Parsed objects of a store, cached by ETag: an object is read again only if it changed. Thread-safe."""

    def __init__(self, store: Store, parse: Callable[[str, bytes], T]) -> None:
        """Configure the cache; `parse` maps key and content to the object, and raises a StoreError."""
        self._store = store
        self._parse = parse
        self._known: dict[str, tuple[str, T]] = {}
        self._lock = threading.Lock()

    def read(self, entries: Iterable[Entry]) -> dict[str, T]:
        """Return these objects by key, in the order given, without those deleted since they were listed.

        Drops all others from the cache: what an erasure deleted or rewrote does not stay in memory.

        Raises: StoreError: the store does not respond, or an object cannot be parsed.
        """
        with self._lock:
            etags = {entry.key: entry.etag for entry in entries}
            known = {key: found for key, found in self._known.items() if etags.get(key) == found[0]}
            contents = get_all(self._store, (key for key in etags if key not in known))
            known |= {key: (etags[key], self._parse(key, content)) for key, content in contents.items()}
            self._known = known
            return {key: known[key][1] for key in etags if key in known}
