"""Erase a user's data in the store, on request (`python -m monitoring.forget`).

A tombstone is written first (`forgotten/<id>.json`): from then on every reader and every corpus build leaves the data
out. Then the rows are deleted from the store's log and feedback parts, handoffs, contact data and reviews. Corpus
versions, reports and MLflow's artifacts are rewritten, or listed with the date on which they expire
(`monitoring.upkeep.copies`). `monitoring.upkeep.local_files` erases the files of a machine; a running service does so
within the hour. Erasure is idempotent: if it is killed, run it again.

Copies are rewritten by one erasure at a time, and not while a retraining registers its version (a lease). With
`--shard INDEX/COUNT`, each of several processes searches the records of its shard, and erases everywhere the
predictions that it finds there; the first also erases those that only handoffs and reviews name.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chatbot.errors import ChatbotError, Conflict, Missing, StoreError
from chatbot.ids import time_of
from chatbot.loop.registry import RegistryClient
from chatbot.records import handoff
from chatbot.records.erasure import is_after_erasure, mark_forgotten, predictions_of
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
from chatbot.store import Entry, Store, find, get_all, layout, stem
from chatbot.store.lease import StoreLease
from monitoring.upkeep.copies import erase_copies

ID = re.compile(r"[0-9a-z]{16}|[0-9a-hjkmnp-tv-z]{34}")
SESSION_CHARS = 16
SEARCHED = (layout.HANDOFFS, layout.CONTACTS, layout.REVIEWS)
"""Prefixes of the objects about one prediction, which their keys name."""
_KEPT = layout.NEW_INTENTS
_TRIES = 20
_AT_ONCE = 1_000
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
    if not ID.fullmatch(some_id):
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
        prefix: _erase_in_objects(store, prefix, dict.fromkeys(found, now)) for prefix in SEARCHED
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
                if session == field_of(content, "session_id"):
                    yield stem(entry.key)


def _messages_of(store: Store, ids: frozenset[str], shard: Shard) -> Iterator[str]:
    """Yield the messages of predictions: from handoffs, decisions and records."""
    keys = [layout.document(layout.REVIEWS, one) for one in ids]
    keys += [handoff.key_of(one) for one in ids if prediction_day(one)]
    for content in get_all(store, keys).values():
        if message := field_of(content, "message"):
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


def _erase_in_objects(store: Store, prefix: str, gone: Mapping[str, datetime]) -> int:
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
    return field_of(find(store, key) or b"", name)


def field_of(content: bytes | str, name: str) -> str:
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
    if (kept := without_ids(stem(entry.key), text, gone)) == text:
        return 0
    if dry_run:
        return 1
    if kept is None:
        store.delete(entry.key)
    else:
        store.put(entry.key, kept.encode(), etag=entry.etag)
    return 1


def without_ids(key: str, text: str, gone: Mapping[str, datetime]) -> str | None:
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
