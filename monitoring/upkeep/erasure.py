"""Erase a user's data on request: `python -m monitoring.forget ID`, `--conversation ID`, or `--session TEXT`.

ID is a prediction id, or a session id as in the records (hashed). `--conversation` takes a prediction id, such as the
reference that the chat page shows, and erases all of its session; `--session` takes the session id as the client sent
it. A tombstone is written first (`forgotten/<id>.json`): from then on every reader and every corpus build leaves the
data out. Then the rows are deleted from the store's log and feedback parts, handoffs, contact data and reviews, and
from this machine's CSV files; a running service erases its own CSV files within the hour. Corpus versions, reports and
MLflow's artifacts are rewritten, or listed with the date on which they expire (`monitoring.upkeep.copies`). Erasure is
idempotent: if it is killed, run it again.

Copies are rewritten by one erasure at a time, and not while a retraining registers its version (a lease). With
`--shard INDEX/COUNT`, each of several processes searches the records of its shard, and erases everywhere the
predictions that it finds there; the first also erases those that only handoffs and reviews name.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from chatbot.errors import ChatbotError, Conflict, Missing, StoreError
from chatbot.files import replacing, write_file
from chatbot.ids import KEY_FILE, load_or_make_key, opaque, time_of
from chatbot.loop.registry import RegistryClient, is_server
from chatbot.records import handoff
from chatbot.records.erasure import is_after_erasure, mark_forgotten, predictions_of, tombstones
from chatbot.records.log_store import days, parts_of, read_part
from chatbot.records.part import (
    InvalidPart,
    Kind,
    check_columns,
    encode,
    leave_out,
    to_parquet,
    without_erased,
)
from chatbot.records.schema import Feedback, Record
from chatbot.records.shard import WHOLE, Shard
from chatbot.settings import (
    LogSettings,
    RetentionSettings,
    ServiceSettings,
    StorageSettings,
    TrackingSettings,
    UploadSettings,
)
from chatbot.store import Entry, Store, find, get_all, layout, open_store, stem
from chatbot.store.lease import StoreLease
from monitoring.inference_log import spool
from monitoring.inference_log.adoption import SWEPT
from monitoring.inference_log.csv_file import put_aside
from monitoring.inference_log.log import InferenceLog
from monitoring.inference_log.reader import FEEDBACK, LOG
from monitoring.inference_log.upload import ship
from monitoring.inference_log.upload_queue import UploadQueue
from monitoring.upkeep.copies import erase_copies

_ID = re.compile(r"[0-9a-z]{16}|[0-9a-hjkmnp-tv-z]{34}")
_CELL = re.compile(rb"(?:^|,)([0-9a-z]{16}|[0-9a-z]{34})(?=,|\r?$)", re.MULTILINE)
"""A cell of a CSV line that may be an id."""
SESSION_CHARS = 16
SEARCHED = (layout.HANDOFFS, layout.CONTACTS, layout.REVIEWS)
"""Prefixes of the objects about one prediction, which their keys name."""
_KEPT = layout.NEW_INTENTS
_TRIES = 20
_AT_ONCE = 1_000
_LOCK_SECONDS = 30.0
_LATE_SECONDS = 3_600.0
_SLACK = 1.0
"""By how many seconds the time of a file may be behind the clock."""
_LEASE_SECONDS, _LEASE_WAIT = 60.0, 3_600.0
ALL_DAYS = date(1970, 1, 1), date(9998, 12, 31)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Result of an erasure in the store.

    Attributes:
        ids: the requested id, and the predictions of a session.
        taken: number of erased items by prefix: rows for `log/` and `feedback/`, objects for the others; of copies
            the number of rewritten ones.
        expiring: a line for each copy that cannot be rewritten, with its end.
    """

    ids: frozenset[str]
    taken: dict[str, int]
    expiring: tuple[str, ...] = ()


class ErasureIncomplete(ChatbotError):
    """The erasure is not possible or not complete; the message says what remains."""


def forget(
    store: Store,
    some_id: str,
    now: datetime,
    registry: RegistryClient | None = None,
    bundles_days: int = 0,
    shard: Shard = WHOLE,
) -> Forgotten:
    """Write the tombstone of an id and erase its data from the store; idempotent.

    Args:
        some_id: prediction id, or session id as in the records.
        registry: MLflow, whose artifacts are rewritten; None: no server is configured.
        bundles_days: retention of unreferenced bundles.
        shard: search the records of this shard alone; all shards together erase what one process erases.

    Raises:
        ErasureIncomplete: `some_id` is not an id.
        LeaseHeld: another erasure rewrites copies, or a retraining registers its version, for longer than an hour.
        RegistryError: MLflow does not respond; the data is hidden already, and a second run completes the erasure.
        StoreError: the store does not respond; the tombstone may be written, a second run does the rest.
    """
    if not _ID.fullmatch(some_id):
        raise ErasureIncomplete(
            f"{some_id[:64]!r} is not an id: expected a prediction id (34 characters) or a session id as the records "
            "have it (16); for what a client sent: --session"
        )
    mark_forgotten(store, some_id, now)
    predictions = _predictions_of(store, some_id, shard) if len(some_id) == SESSION_CHARS else ()
    ids = frozenset({some_id, *predictions})
    for prediction in sorted(ids - {some_id}):
        mark_forgotten(store, prediction, now, some_id, shard)
    messages = set(_messages_of(store, ids, shard))
    if shard.index and ids == {some_id} and not messages:
        return Forgotten(ids, {})  # nothing of it is in this shard; the first erases the rest
    # Copies first: their rows are found by the messages that are erased below.
    lease = StoreLease(store, layout.ERASURE_LEASE, _LEASE_SECONDS, _LEASE_WAIT)
    with lease:
        copies = erase_copies(store, registry, ids, messages, bundles_days)
    # The first shard finds predictions by the objects that name the session: the other shards leave these to it.
    found = ids - {some_id} if shard.index else ids
    taken = copies.rewritten | {
        prefix: _take_out_objects(store, prefix, dict.fromkeys(found, now)) for prefix in SEARCHED
    }
    taken[layout.DRIFT_SUMMARIES] = sum(
        rewrite(store, entry, lambda e: _take_out_of_summary(store, e, found))
        for entry in store.list(layout.DRIFT_SUMMARIES)
        if entry.key.endswith(".parquet")
    )
    # Records last: after a kill, the next run needs them to find the predictions of a session.
    taken |= {
        layout.FEEDBACK: _take_out(store, Feedback, found, WHOLE),
        layout.LOG: _take_out(store, Record, ids, shard),
    }
    return Forgotten(ids, taken, copies.expiring)


def session_of(store: Store, prediction_id: str) -> str:
    """Return the session of a prediction, from its handoff, its tombstone or its record, erased or not.

    Raises:
        ErasureIncomplete: it is not a prediction id, or no handoff and no record of it is in the store.
        StoreError: the store does not respond.
    """
    try:
        key, day = handoff.key_of(prediction_id), time_of(prediction_id).date()
    except ValueError:
        raise ErasureIncomplete(f"{prediction_id[:64]!r} is not a prediction id of 34 characters") from None
    tombstone = layout.document(layout.TOMBSTONES, prediction_id)
    if session := _field(store, key, "session_id") or _field(store, tombstone, "session"):
        return session
    for table in _records(store, "session_id", WHOLE, day, day):
        for found in table.filter(pc.equal(table["prediction_id"], prediction_id))["session_id"].to_pylist():
            if found:
                return str(found)
    raise ErasureIncomplete(
        f"{prediction_id}: no record and no handoff of it names its session. It may be erased, older than the "
        "retention, not uploaded yet, or from a client that sends no session_id; without --conversation the message "
        "alone is erased"
    )


def send_first(log: LogSettings, store: StorageSettings) -> None:
    """Drain and upload this machine's log, so that its rows are found in the store.

    Raises: ErasureIncomplete: the upload queue cannot be sent.
    """
    if not log.folder.is_dir():
        return
    queue = UploadQueue(log.folder)
    InferenceLog(log, done=queue.take).drain(wait=_LOCK_SECONDS)
    report = ship(queue, open_store(store), UploadSettings(), everything=True, wait=_LOCK_SECONDS)
    if report.error or report.busy:
        waits = f"what waits in {queue.folder} cannot be sent ({report.error})"
        raise ErasureIncomplete(f"{waits}: run this again later")


def forget_here(
    log: LogSettings, store: StorageSettings, ids: frozenset[str], gone: Mapping[str, datetime] | None = None
) -> int:
    """Erase ids from this machine's CSV files and undelivered handoffs; return the number of rows of the files.

    Args:
        gone: tombstones, if the erasure was some time ago: later handoffs of an erased session are kept.

    Raises: ErasureIncomplete: the spool has rows of the ids after the timeout, or the upload queue cannot be sent.
    """
    if not log.folder.is_dir():
        return 0
    gone = gone or dict.fromkeys(ids, datetime.now(UTC))
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        with spool.folder_lock(log.folder, _LOCK_SECONDS) as alone:
            if alone and not _mentioned(log.folder, ids) and _take_out_of_spool(log.folder, gone):
                for file in (log.folder / "handoffs").rglob("*.json"):
                    _take_out_of_queue(file, gone)
                _delete_drafts(log.folder)
                return sum(_rewrite(file, ids) for file in _files(log.folder))
        if time.monotonic() > until:
            raise ErasureIncomplete(
                f"rows or handoffs wait in {log.folder} and are not drained: run this again"
            )
        # A running service seals its segment about every second; a drain can take it after that.
        time.sleep(0.2)
        send_first(log, store)


def sweep(log: LogSettings, store: StorageSettings) -> int:
    """Erase from this machine's CSV files what was erased elsewhere since the last sweep; return the rows erased.

    Once an hour, also erase what came after its erasure, such as feedback on an erased prediction, from the files that
    changed since then.

    Raises: ErasureIncomplete, StoreError: not possible at the moment; the next sweep does it.
    """
    seen_file = log.folder / SWEPT
    now = time.time() - _SLACK
    searched_at = seen_file.stat().st_mtime if seen_file.is_file() else now
    seen = frozenset(seen_file.read_text(encoding="ascii").split()) if seen_file.is_file() else frozenset()
    gone = tombstones(open_store(store))
    ids = frozenset(filter(_ID.fullmatch, gone))
    fresh = ids - seen
    taken = forget_here(log, store, fresh, gone) if fresh else 0
    if is_due := abs(now - searched_at) >= _LATE_SECONDS:
        with spool.folder_lock(log.folder, _LOCK_SECONDS) as alone:
            if alone:
                _delete_drafts(log.folder)
            if alone and not _mentioned(log.folder, frozenset()):
                changed = (file for file in _files(log.folder) if file.stat().st_mtime >= searched_at)
                taken += sum(_rewrite(file, seen) for file in changed)
    is_adopting = (
        bool(seen) and not seen_file.is_file()
    )  # the next sweep looks for all ids in the adopted rows
    if (fresh or is_due) and log.folder.is_dir() and not is_adopting:
        write_file(seen_file, "\n".join(sorted(ids)) + "\n", sync=False)
        os.utime(seen_file, times=(now, now) if is_due else (searched_at, searched_at))
    return taken


def _predictions_of(store: Store, session: str, shard: Shard) -> Iterator[str]:
    """Yield the predictions of a session: from tombstones, handoffs, reviews and records, including hidden ones."""
    for table in _records(store, "session_id", shard):
        yield from table.filter(pc.equal(table["session_id"], session))["prediction_id"].to_pylist()
    # After the records, in every shard: compaction writes tombstones for the rows of an erased session that it drops,
    # also after the first shard has looked.
    yield from predictions_of(store, session, shard)
    if shard.index == 0:
        for prefix in (layout.HANDOFFS, layout.REVIEWS):
            for entry, content in _contents(store, objects(store, prefix)):
                if session == _field_of(content, "session_id"):
                    yield stem(entry.key)


def _messages_of(store: Store, ids: frozenset[str], shard: Shard) -> Iterator[str]:
    """Yield the messages of predictions: from handoffs, decisions and records."""
    keys = [layout.document(layout.REVIEWS, one) for one in ids]
    keys += [handoff.key_of(one) for one in ids if prediction_day(one)]
    for content in get_all(store, keys).values():
        if message := _field_of(content, "message"):
            yield message
    wanted = pa.array(sorted(ids), pa.string())
    for table in _records(store, "query", shard):
        yield from table.filter(pc.is_in(table["prediction_id"], value_set=wanted))["query"].to_pylist()


def _records(
    store: Store, column: str, shard: Shard, first: date = ALL_DAYS[0], last: date = ALL_DAYS[1]
) -> Iterator[pa.Table]:
    """Yield prediction id and one other column of a shard's parts, including hidden rows; skips damaged parts.

    Rows of other shards in these parts are among them: `_take_out` rewrites whole parts.
    """
    for day in days(store, Record, first, last):
        seen: set[str] = set()
        for _ in range(_TRIES):
            keys = {e.key for e in parts_of(store, Record, day) if shard.may_have(e.key)}
            for key in keys - seen:
                try:
                    yield read_part(store, Record, key, ["prediction_id", column]).table
                except Missing:
                    continue  # compacted meanwhile: its rows are in a part that the next list has
                except InvalidPart:
                    pass
                seen.add(key)
            if seen >= keys:
                break
        else:
            raise StoreError(f"the parts of {day} keep changing: run this again")


def _take_out(store: Store, kind: Kind, ids: frozenset[str], shard: Shard) -> int:
    """Rewrite the parts that have rows of these ids; return the number of erased rows."""
    taken = 0
    for day in days(store, kind, *ALL_DAYS):
        for _ in range(_TRIES):
            try:
                for entry in parts_of(store, kind, day):
                    if shard.may_have(entry.key):
                        taken += take_out_of(store, kind, entry.key, entry.etag, ids)
                break
            except (Conflict, Missing):
                continue  # changed by a concurrent compaction: read the day again
        else:
            raise StoreError(f"the parts of {day} keep changing: run this again")
    return taken


def take_out_of(store: Store, kind: Kind, key: str, etag: str, ids: frozenset[str]) -> int:
    """Rewrite a part without the rows of these ids; return their number.

    Raises: Conflict, Missing: the part was changed or deleted meanwhile.
    """
    columns = id_columns(kind)
    try:
        found = read_part(store, kind, key, columns)
        if leave_out(found.table, columns, ids).num_rows == found.table.num_rows:
            return 0
        part = read_part(store, kind, key)
    except InvalidPart as error:
        sys.stderr.write(f"{key} is damaged and was skipped: {error}\n")
        return 0
    kept = list(without_erased(kind, part.table, part.sources, ids))
    table = pa.concat_tables([rows for _, rows in kept])
    store.put(key, encode(table, [(name, rows.num_rows) for name, rows in kept]), etag=etag)
    return int(part.table.num_rows - table.num_rows)


def id_columns(kind: Kind) -> list[str]:
    """Return the columns of a part whose values may be erased ids."""
    return [name for name in ("prediction_id", "session_id") if name in check_columns(kind, None)]


def mark_predictions(store: Store, table: pa.Table, gone: Mapping[str, datetime]) -> frozenset[str]:
    """Write tombstones for the predictions of erased sessions, and return the new ones.

    An erasure that runs again finds them by these alone, once their rows are erased; or by a handoff, whose customer
    wrote it after the erasure and waits for an answer.
    """
    sessions = pa.array([one for one in gone if len(one) == SESSION_CHARS], pa.string())
    rows = table.filter(pc.is_in(table["session_id"], value_set=sessions))
    found = {row["prediction_id"]: row["session_id"] for row in rows.to_pylist()}
    new = frozenset(
        prediction
        for prediction in found.keys() - gone.keys()
        if not is_after_erasure(time_of(prediction), gone[found[prediction]])
        or store.head(handoff.key_of(prediction)) is None
    )
    for prediction in new:
        mark_forgotten(store, prediction, datetime.now(UTC), session=found[prediction])
    return new


def rewrite(store: Store, entry: Entry, attempt: Callable[[Entry], int]) -> int:
    """Rewrite an object by compare-and-swap, again after every concurrent change; 0 if it was deleted meanwhile."""
    for _ in range(_TRIES):
        try:
            return attempt(entry)
        except (Conflict, Missing):
            if (found := store.head(entry.key)) is None:
                return 0
            entry = found
    raise StoreError(f"{entry.key} keeps changing: run this again")


def _take_out_of_summary(store: Store, entry: Entry, ids: frozenset[str]) -> int:
    """Rewrite the sample of a sharded drift check without the rows of these ids; return their number."""
    table = pq.read_table(pa.BufferReader(store.get(entry.key, etag=entry.etag)))
    kept = leave_out(table, ["prediction_id"], ids)
    if kept.num_rows < table.num_rows:
        store.put(entry.key, to_parquet(kept), etag=entry.etag)
    return int(table.num_rows - kept.num_rows)


def objects(store: Store, prefix: str) -> list[Entry]:
    """List the objects under a prefix of `SEARCHED` that may be about a prediction."""
    return [entry for entry in store.list(prefix) if not entry.key.startswith(_KEPT)]


def prediction_day(some_id: str) -> date | None:
    """Return the day of a prediction; None: it is another id."""
    try:
        return time_of(some_id).date()
    except ValueError:
        return None


def days_of_turns(day: date) -> tuple[date, ...]:
    """Return the days whose handoffs may have a message of this day as an earlier turn.

    `HandoffSettings` bounds a conversation, as a handoff has it, to a day.
    """
    return day, day + timedelta(days=1)


def _take_out_objects(store: Store, prefix: str, gone: Mapping[str, datetime]) -> int:
    """Take erased ids out of the objects under a prefix of `SEARCHED`; return the number of objects.

    The key says what is about a prediction. Another decision may mention it, and a handoff of its day or the next.
    """
    if prefix == layout.REVIEWS:
        entries = objects(store, prefix)
    else:
        days = {day for one in gone if (own := prediction_day(one)) for day in days_of_turns(own)}
        entries = [entry for day in sorted(days) for entry in store.list(layout.of_day(prefix, day))]
    about = [entry.key for entry in entries if stem(entry.key) in gone]
    for key in about:
        store.delete(key)
    others = [entry for entry in entries if stem(entry.key) not in gone] if prefix != layout.CONTACTS else []
    return len(about) + sum(
        rewrite(store, entry, lambda one: take_out_object(store, one, gone))
        for entry, content in _contents(store, others)
        if _mention(content.decode("utf-8", "replace"), gone)
    )


def _contents(store: Store, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes]]:
    """Yield objects with their contents, which are read concurrently, as many at a time as memory has room for."""
    for start in range(0, len(entries), _AT_ONCE):
        some = entries[start : start + _AT_ONCE]
        found = get_all(store, (entry.key for entry in some))
        yield from ((entry, found[entry.key]) for entry in some if entry.key in found)


def _field(store: Store, key: str, name: str) -> str:
    """Return a field of a handoff or a decision; empty if it has none or was deleted."""
    return _field_of(find(store, key) or b"", name)


def _field_of(content: bytes | str, name: str) -> str:
    try:
        body = json.loads(content)
        return str(body.get("data", body)[name])  # a handoff has its fields in `data`
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def take_out_object(store: Store, entry: Entry, gone: Mapping[str, datetime], dry_run: bool = False) -> int:
    """Delete an object about an erased id; where it is about another message, remove only what is erased of it.

    Args: gone: the erased ids, with the times of their erasure.

    Returns: whether it had anything of them: 1 or 0.
    """
    text = store.get(entry.key, etag=entry.etag).decode("utf-8", "replace")
    if (kept := _without_erased(stem(entry.key), text, gone)) == text:
        return 0
    if dry_run:
        return 1
    if kept is None:
        store.delete(entry.key)
    else:
        store.put(entry.key, kept.encode(), etag=entry.etag)
    return 1


def _take_out_of_queue(file: Path, gone: Mapping[str, datetime]) -> None:
    """Take what is erased out of a handoff that waits for its delivery."""
    with contextlib.suppress(FileNotFoundError):  # delivered meanwhile
        text = file.read_text(encoding="utf-8", errors="replace")
        if (kept := _without_erased(file.stem, text, gone)) is None:
            file.unlink()
        elif kept != text:
            write_file(file, kept, sync=False)


def _take_out_of_spool(folder: Path, gone: Mapping[str, datetime]) -> bool:
    """Take what is erased out of handoffs that have no file yet; False: a process is writing or sorting them."""
    folder = folder / "handoffs"
    if not spool.segments(folder, spool.HANDOFF):
        return True
    with spool.folder_lock(folder, _LOCK_SECONDS) as alone:
        for segment in spool.segments(folder, spool.HANDOFF) if alone else ():
            with spool.claimed(segment) as complete:
                # Not `splitlines`: JSON contains its further line ends unescaped.
                lines = segment.read_bytes().decode("utf-8", "replace").split("\n")
                found = [_without_erased(_field_of(line, "prediction_id"), line, gone) for line in lines]
                if found != lines:
                    if not complete:
                        return False
                    write_file(segment, "\n".join(line for line in found if line is not None), sync=False)
        return alone


def _without_erased(key: str, text: str, gone: Mapping[str, datetime]) -> str | None:
    """Return a decision without erased ids among its duplicates, or a handoff without erased turns.

    A handoff that was written after the erasure of its session is kept: a customer waits for it. None: the object is
    about an erased id.
    """
    if not _mention(key + text, gone):
        return text
    ids: Set[str] = gone.keys()
    try:
        body = json.loads(text)
        if "duplicates" in body:
            body["duplicates"] = [other for other in body["duplicates"] if other not in ids]
            left = json.dumps(body, indent=1, ensure_ascii=False) + "\n"
        else:
            found = handoff.parse(text.encode())
            erased = gone.get(found.session_id)
            if erased is not None and is_after_erasure(time_of(key), erased):
                ids = ids - {found.session_id}
            kept = found.without(gone)
            left = text if kept is found else kept.body().decode()
    except (ValueError, TypeError, StoreError):
        return None
    return None if _mention(key + left, ids) else left


def _mention(text: str, ids: Iterable[str]) -> bool:
    return any(some_id in text for some_id in ids)


def _files(folder: Path) -> list[Path]:
    current = [folder / f"{kind}.csv" for kind in (LOG, FEEDBACK)]
    return [file for one in current for file in (*put_aside(one), one) if file.exists()]


def _delete_drafts(folder: Path) -> None:
    """Delete what killed processes were writing (`chatbot.files.replacing`): no later erasure looks into it."""
    for draft in (*folder.glob(".*.csv.*"), *(folder / "handoffs").rglob(".*.json*")):
        with contextlib.suppress(FileNotFoundError):
            if draft.stat().st_mtime < time.time() - _LATE_SECONDS:
                draft.unlink()


def _mentioned(folder: Path, ids: frozenset[str]) -> bool:
    """Return whether the spool has a row of these ids, or a segment that a killed drain appended partly."""
    segments = [segment for kind in (LOG, FEEDBACK) for segment in spool.segments(folder, kind)]
    wanted = frozenset(map(str.encode, ids))
    return any(spool.read_mark(one) or (wanted and _mentions(one.read_bytes(), wanted)) for one in segments)


def _rewrite(file: Path, ids: frozenset[str]) -> int:
    """Rewrite a CSV file without the rows of these ids; return their number. Requires the folder lock."""
    wanted, taken = frozenset(map(str.encode, ids)), 0
    with file.open("rb") as source:
        if not any(_mentions(line, wanted) for line in source):
            return 0
        source.seek(0)
        with replacing(file) as draft, draft.open("xb") as kept:
            for line in source:
                if _mentions(line, wanted):
                    taken += 1
                else:
                    kept.write(line)
    file.chmod(0o640)
    return taken


def _mentions(text: bytes, ids: frozenset[bytes]) -> bool:
    """Whether lines of CSV have one of the ids as a whole cell."""
    return not ids.isdisjoint(_CELL.findall(text))


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
