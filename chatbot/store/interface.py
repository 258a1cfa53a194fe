"""Define the interface of the object store.

Every write is an atomic write, even if the process is killed: a reader sees the old content or the new. To modify an
object, use optimistic concurrency (compare-and-swap on the ETag): `head`, `get`, then `put(..., etag=head.etag)`;
start over on Conflict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from chatbot.errors import TooBig

MAX_OBJECT_BYTES = 5 << 30
"""The most that one request puts (S3's limit): a response that claims more would get time and memory for it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Metadata of an object.

    Attributes:
        size: in bytes.
        etag: opaque version tag; changes whenever the content changes.
        modified: time of the last write, UTC, by the store's clock.
    """

    key: str
    size: int
    etag: str
    modified: datetime


class Store(Protocol):
    """Interface of an object store. Thread-safe. Every method raises a `StoreError` on failure."""

    def put(self, key: str, content: bytes, *, new: bool = False, etag: str = "") -> str:
        """Write an object atomically; replaces an existing one.

        Args:
            new: write only if the object does not exist.
            etag: write only if the object's ETag is still this one (compare-and-swap).

        Returns: the new ETag.

        Raises: Conflict: the condition `new` or `etag` does not hold.
        """

    def get(self, key: str, *, etag: str = "") -> bytes:
        """Return the object's content.

        Raises:
            Missing: the object does not exist.
            Conflict: `etag` is given and the object's ETag has changed.
        """

    def head(self, key: str) -> Entry | None:
        """Return the object's metadata; None: the object does not exist."""

    def put_file(self, key: str, path: Path) -> str:
        """Write a file as an object, like `put`, without loading it into memory; on S3 up to 5 GB."""

    def get_file(self, key: str, path: Path, max_bytes: int = MAX_OBJECT_BYTES) -> None:
        """Download an object to a file, like `get`; the file is written atomically.

        Raises: TooBig: the object is larger than `max_bytes`.
        """

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        """List the objects with a key prefix whose keys sort after `after`, in key order."""

    def delete(self, key: str) -> None:
        """Delete an object. Idempotent: succeeds if it does not exist."""

    def __str__(self) -> str:
        """Return the store's address, without secrets."""


def check_size(where: object, key: str, size: int, max_bytes: int) -> None:
    """Check the size of an object before it is downloaded.

    Raises: TooBig: it has more than `max_bytes`.
    """
    if size > max_bytes:
        raise TooBig(
            f"{where} answers {key} with {size!s:.20} bytes; at most {max_bytes:,} are accepted: "
            "check CHATBOT_STORE_URL and _ENDPOINT"
        )
