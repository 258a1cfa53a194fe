"""Command-line tool for the object store.

python -m chatbot.storage make-bucket       creates the bucket (or the folder) of CHATBOT_STORE_URL
python -m chatbot.storage list [PREFIX]     lists objects: size, time, key
python -m chatbot.storage check             preflight check: writes, reads, lists and deletes a small object
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Callable

if __name__ == "__main__":
    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

from pydantic import ValidationError

from chatbot.errors import ChatbotError, Conflict, StoreError
from chatbot.settings import StorageSettings
from chatbot.store import Store, layout, make_bucket, open_store


def check(store: Store, say: Callable[[str], None] = print) -> None:
    """Run a preflight check of the store: exercise every operation, including conditional writes.

    Raises: StoreError: the first step that failed.
    """
    key = f"{layout.STORE_CHECK}{secrets.token_hex(8)}"
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
    listing = commands.add_parser("list", help="list the objects in the store")
    listing.add_argument("prefix", nargs="?", default="", help="how the keys begin")
    options = parser.parse_args(arguments)

    def out(line: str) -> None:
        sys.stdout.write(line + "\n")

    try:
        settings = StorageSettings()
        if options.command == "make-bucket":
            out(make_bucket(settings))
        elif options.command == "check":
            check(open_store(settings), out)
        else:
            for entry in open_store(settings).list(options.prefix):
                out(f"{entry.size:>12}  {entry.modified:%Y-%m-%d %H:%M:%S}  {entry.key}")
    except (ChatbotError, ValidationError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except BrokenPipeError:  # list | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
