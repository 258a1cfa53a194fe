"""Erase a user's data on request: `python -m monitoring.forget ID`, `--conversation ID`, or `--session TEXT`.

ID is a prediction id, or a session id as in the records (hashed). `--conversation` takes a prediction id, such as the
reference that the chat page shows, and erases all of its session; `--session` takes the session id as the client sent
it. With `--shard INDEX/COUNT`, each of several processes searches a share of the records.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from pydantic import ValidationError

from chatbot.errors import ChatbotError
from chatbot.ids import KEY_FILE, load_or_make_key, opaque
from chatbot.loop.registry import RegistryClient, is_server
from chatbot.records.shard import Shard
from chatbot.settings import (
    LogSettings,
    RetentionSettings,
    ServiceSettings,
    StorageSettings,
    TrackingSettings,
)
from chatbot.store import open_store
from monitoring.upkeep.erasure import ErasureIncomplete, forget, session_of
from monitoring.upkeep.local_files import forget_here, send_first


def main(arguments: list[str] | None = None) -> int:
    """Erase one id and print what was erased; exit code 1 with the reason if the erasure is incomplete."""
    parser = argparse.ArgumentParser(
        prog="python -m monitoring.forget", description=(__doc__ or "").split("\n")[0]
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("id", nargs="?", help="a prediction id, or a session id as the records have it")
    what.add_argument("--conversation", help="a prediction id: erase all messages of its session")
    what.add_argument("--session", help="a session id as the client sent it")
    parser.add_argument(
        "--shard", default="0/1", metavar="INDEX/COUNT", help="search this share of the records"
    )
    options = parser.parse_args(arguments)
    try:
        shard, log, settings = Shard.parse(options.shard), LogSettings(), StorageSettings()
        some_id = options.id
        if options.session is not None:
            some_id = opaque(_key(ServiceSettings(), log), options.session)
        store = open_store(settings)
        send_first(log, settings)
        if options.conversation is not None:
            some_id = session_of(store, options.conversation)
        tracking = TrackingSettings()
        registry = RegistryClient(tracking) if is_server(tracking) else None
        done = forget(store, some_id, datetime.now(UTC), registry, RetentionSettings().bundles_days, shard)
        here = forget_here(log, settings, done.ids)
    except (ChatbotError, ValidationError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{some_id} is erased; removed:\n")
    for place, count in done.taken.items():
        sys.stdout.write(f"  {count:>6}  {place}{f' in {store}' if place.endswith('/') else ''}\n")
    sys.stdout.write(f"  {here:>6}  rows of the CSV files in {log.folder}\n")
    if done.expiring:
        sys.stdout.write("not rewritten, because its digest is its name:\n")
        sys.stdout.writelines(f"  {line}\n" for line in done.expiring)
    if registry is None:
        uri = f"MLFLOW_TRACKING_URI={tracking.tracking_uri}"
        sys.stdout.write(f"MLflow was not searched: {uri} is not a server\n")
    if options.session is not None and done.ids == {some_id} and shard.count == 1:
        sys.stderr.write("no prediction of that session is known here: is it the id that the client sent?\n")
        return 1
    return 0


def _key(service: ServiceSettings, log: LogSettings) -> bytes:
    """Return the bot's existing key: a new key would hash the session id to a value that no record has."""
    if not service.prediction_key.get_secret_value() and not (log.folder / KEY_FILE).is_file():
        raise ErasureIncomplete(
            f"a session is found by the key that the bot hashes it with, and neither CHATBOT_PREDICTION_KEY nor "
            f"{log.folder / KEY_FILE} has it"
        )
    return load_or_make_key(service, log)


if __name__ == "__main__":
    sys.exit(main())
