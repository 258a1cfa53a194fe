"""A folder or an S3 bucket, behind one small interface: `open_store(StorageSettings())`.

    python -m chatbot.storage make-bucket       makes the bucket (or the folder) that CHATBOT_STORE_URL names
    python -m chatbot.storage list [PREFIX]     what lies in it: size, time, key
    python -m chatbot.storage check             writes, reads, lists and deletes a small object, and says what fails

A key is parts of letters, digits and `._=@+-` with a slash between; no part begins with a dot. What was put is
there whole or not at all, also when the process is killed; a reader sees the old content or the new. To change
what lies under a key: `head`, then `get`, then `put(..., etag=head.etag)`, and again from the start on Conflict.
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
    """What the store says of an object.

    Attributes:
        size: in bytes.
        etag: changes with every change of the content; says nothing else.
        modified: when it was put, UTC, by the store's own clock.
    """

    key: str
    size: int
    etag: str
    modified: datetime


class Store(Protocol):
    """A folder or a bucket. Any thread may use it. Every method raises a `StoreError` where it fails."""

    def put(self, key: str, content: bytes, *, new: bool = False, etag: str = "") -> str:
        """Put content under a key, replacing what is there.

        Args:
            key: where.
            content: all of it.
            new: only where there is nothing yet.
            etag: only where there is still what had this etag.

        Returns:
            The new etag.

        Raises:
            Conflict: `new` or `etag` does not hold.
        """

    def get(self, key: str, *, etag: str = "") -> bytes:
        """All that lies under a key.

        Raises:
            Missing: nothing does.
            Conflict: `etag` was given, and it is not that any more.
        """

    def head(self, key: str) -> Entry | None:
        """What lies under a key, without its content; None where nothing does."""

    def put_file(self, key: str, path: Path) -> str:
        """As `put`, of a file, without holding it in memory; on S3 up to 5 GB."""

    def get_file(self, key: str, path: Path) -> None:
        """As `get`, into a file, which appears whole or not at all."""

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        """What lies under keys that begin with a prefix and come after a key, in the order of keys."""

    def delete(self, key: str) -> None:
        """Take away what lies under a key; nothing there is fine."""

    def __str__(self) -> str:
        """The store's address, without secrets."""


def has_store(settings: StorageSettings) -> bool:
    """Whether the settings name a store at all."""
    return settings.url != NONE


def open_store(settings: StorageSettings) -> Store:
    """The store that the settings name; opens no connection and makes no folder until it is used.

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
    """Make the bucket, or the folder, unless it is there.

    Returns:
        What is there now, for a person.
    """
    from chatbot.store_s3 import S3Store

    store = open_store(settings)
    if isinstance(store, S3Store):
        made = store.make_bucket()
        return f"bucket {store.bucket!r} at {store.where}: {'made' if made else 'was there'}"
    Path(settings.url).mkdir(parents=True, exist_ok=True)
    return f"folder {settings.url}: is there"


def check_key(key: str) -> str:
    """The key itself.

    Raises:
        StoreError: it is no key.
    """
    if len(key) > _MOST_KEY_CHARS or not _KEY.fullmatch(key):
        raise StoreError(
            f"{key[:80]!r} is no key of the store: expected parts of [A-Za-z0-9._=@+-] between slashes"
        )
    return key


def stem(key: str) -> str:
    """The last part of a key without its ending: the id that an object is about."""
    return key.rpartition("/")[2].removesuffix(".json")


def check_prefix(prefix: str) -> str:
    """As `check_key`, of how a key begins."""
    if len(prefix) > _MOST_KEY_CHARS or not _PREFIX.fullmatch(prefix):
        raise StoreError(f"{prefix[:80]!r} begins no key of the store")
    return prefix


def check(store: Store, say: Callable[[str], None] = print) -> None:
    """Do with a small object all that the project does with a store, and say so step by step.

    Raises:
        StoreError: the first step that fails.
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
    """The commands; 1 with one line that says why when one cannot do its work."""
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
