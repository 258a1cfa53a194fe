"""Object store interface for a folder or an S3 bucket: `open_store(StorageSettings())`.

    python -m chatbot.storage make-bucket       creates the bucket (or the folder) of CHATBOT_STORE_URL
    python -m chatbot.storage list [PREFIX]     lists objects: size, time, key
    python -m chatbot.storage check             preflight check: writes, reads, lists and deletes a small object

A key consists of parts of letters, digits and `._=@+-`, separated by slashes; no part begins with a dot. Every write
is an atomic write, even if the process is killed: a reader sees the old content or the new. To modify an object,
use optimistic concurrency (compare-and-swap on the ETag): `head`, `get`, then `put(..., etag=head.etag)`; start over
on Conflict.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from chatbot.errors import (
    ChatbotError,
    Conflict,
    Denied,
    Missing,
    NoBucket,
    SettingError,
    StoreError,
    Unreachable,
)
from chatbot.settings import StorageSettings

__all__ = [
    "Conflict",
    "Denied",
    "Entry",
    "Missing",
    "NoBucket",
    "Store",
    "StoreError",
    "Unreachable",
    "check_key",
    "has_store",
    "make_bucket",
    "open_store",
    "stem",
]

NONE = "none"
_S3 = "s3://"
_PART = r"[A-Za-z0-9_=@+-][A-Za-z0-9._=@+-]*"
_KEY = re.compile(rf"{_PART}(?:/{_PART})*")
_PREFIX = re.compile(rf"(?:{_PART}/)*(?:{_PART})?")
_MOST_KEY_CHARS = 512


@dataclass(frozen=True, slots=True)
class Entry:
    """Metadata of an object.

    Attributes:
        key: key of the object.
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
            key: key of the object.
            content: the complete content.
            new: write only if the object does not exist.
            etag: write only if the object's ETag is still this one (compare-and-swap).

        Returns:
            The new ETag.

        Raises:
            Conflict: the condition `new` or `etag` does not hold.
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

    def get_file(self, key: str, path: Path) -> None:
        """Download an object to a file, like `get`; the file is written atomically."""

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        """List the objects with a key prefix whose keys sort after `after`, in key order."""

    def delete(self, key: str) -> None:
        """Delete an object. Idempotent: succeeds if it does not exist."""

    def __str__(self) -> str:
        """Return the store's address, without secrets."""


def has_store(settings: StorageSettings) -> bool:
    """Whether the settings configure a store."""
    return settings.url != NONE


def open_store(settings: StorageSettings) -> Store:
    """Return the configured store; does not connect or create a folder until first use.

    Raises:
        SettingError: `url` is `none`, or neither a folder nor `s3://bucket/prefix`.
    """
    if not has_store(settings):
        raise SettingError(
            "CHATBOT_STORE_URL=none: what you ask for needs a store, a folder or s3://bucket/prefix"
        )
    if settings.url.startswith(_S3):
        from chatbot.store_s3 import S3Store

        bucket, _, prefix = settings.url.removeprefix(_S3).partition("/")
        prefix = prefix.strip("/")
        if not bucket or not _PREFIX.fullmatch(prefix):
            raise SettingError(
                f"CHATBOT_STORE_URL={settings.url!r}: expected s3://bucket or s3://bucket/prefix"
            )
        return S3Store(settings, bucket, f"{prefix}/" if prefix else "")
    if "://" in settings.url:
        raise SettingError(
            f"CHATBOT_STORE_URL={settings.url!r}: expected a folder's path or s3://bucket/prefix; where S3 "
            "answers is CHATBOT_STORE_ENDPOINT"
        )
    from chatbot.store_folder import FolderStore

    return FolderStore(Path(settings.url))


def make_bucket(settings: StorageSettings) -> str:
    """Create the bucket or the folder. Idempotent.

    Returns:
        The result, as a message for a person.
    """
    from chatbot.store_s3 import S3Store

    store = open_store(settings)
    if isinstance(store, S3Store):
        made = store.make_bucket()
        return f"bucket {store.bucket!r} at {store.where}: {'made' if made else 'was there'}"
    Path(settings.url).mkdir(parents=True, exist_ok=True)
    return f"folder {settings.url}: is there"


def check_key(key: str) -> str:
    """Validate a key and return it.

    Raises:
        StoreError: the key is invalid.
    """
    if len(key) > _MOST_KEY_CHARS or not _KEY.fullmatch(key):
        raise StoreError(
            f"{key[:80]!r} is not a key of the store: expected parts of [A-Za-z0-9._=@+-] between slashes"
        )
    return key


def stem(key: str) -> str:
    """Return the last part of a key without `.json`: the id in the object's name."""
    return key.rpartition("/")[2].removesuffix(".json")


def check_prefix(prefix: str) -> str:
    """Validate a key prefix and return it, like `check_key`."""
    if len(prefix) > _MOST_KEY_CHARS or not _PREFIX.fullmatch(prefix):
        raise StoreError(f"{prefix[:80]!r} begins no key of the store")
    return prefix


def check(store: Store, say: Callable[[str], None] = print) -> None:
    """Run a preflight check of the store: exercise every operation, including conditional writes.

    Args:
        store: the store to check.
        say: called with one line per step.

    Raises:
        StoreError: the first step that failed.
    """
    key = f"check/{secrets.token_hex(8)}"
    say(f"store: {store}")
    etag = store.put(key, b"first", new=True)
    say("  put: yes")
    try:
        if store.get(key) != b"first":
            raise StoreError(f"{store}: {key} holds other bytes than were put there")
        say("  get: yes")
        _expect_conflict(store, lambda: store.put(key, b"second", new=True), "If-None-Match")
        store.put(key, b"third", etag=etag)
        _expect_conflict(store, lambda: store.put(key, b"fourth", etag=etag), "If-Match")
        say("  conditional put: yes")
        if [entry.key for entry in store.list(key)] != [key]:
            raise StoreError(f"{store}: {key} was put and is not listed")
        say("  list: yes")
    finally:
        store.delete(key)
    if store.head(key) is not None:
        raise StoreError(f"{store}: {key} was deleted and is still there")
    say("  delete: yes")


def _expect_conflict(store: Store, put: Callable[[], object], header: str) -> None:
    try:
        put()
    except Conflict:
        return
    raise StoreError(
        f"{store} passes over {header}: two writers would overwrite each other. Use another store"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Returns: exit code; 1 on an error, with one line on stderr that states the reason."""
    parser = argparse.ArgumentParser(prog="python -m chatbot.storage", description="the object store")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("make-bucket", help="make the bucket (or the folder) that CHATBOT_STORE_URL names")
    commands.add_parser("check", help="put, get, list and delete a small object")
    listing = commands.add_parser("list", help="what lies in the store")
    listing.add_argument("prefix", nargs="?", default="", help="how the keys begin")
    told = parser.parse_args(arguments)

    def out(line: str) -> None:
        sys.stdout.write(line + "\n")

    try:
        settings = StorageSettings()
        if told.command == "make-bucket":
            out(make_bucket(settings))
        elif told.command == "check":
            check(open_store(settings), out)
        else:
            for entry in open_store(settings).list(told.prefix):
                out(f"{entry.size:>12}  {entry.modified:%Y-%m-%d %H:%M:%S}  {entry.key}")
    except (ChatbotError, ValidationError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except BrokenPipeError:  # list | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
