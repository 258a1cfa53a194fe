"""The log store: records and feedback as Parquet parts, a folder a day, read by column and by day.

    log/day=2026-11-23/<part>.parquet        feedback/day=2026-11-23/<part>.parquet

The day is that of the row's own timestamp, in UTC. A part that is cut off or damaged is passed over, named and
counted (`on_skip`). What was forgotten (`forgotten/<id>.json`) is left out by every reader here, also where it
has not been taken out of the parts yet.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa

from chatbot.forgotten import forgotten
from chatbot.record_parts import (
    Kind,
    Part,
    PartError,
    check_columns,
    decode,
    encode,
    keep,
    leave_out,
    to_table,
)
from chatbot.records import Feedback, Record, from_row
from chatbot.storage import Entry, Missing, Store, Unreachable

__all__ = [
    "COMPACTED",
    "OnSkip",
    "days",
    "parts_of",
    "prefix_of",
    "read_feedback",
    "read_records",
    "scan",
    "write_part",
]

OnSkip = Callable[[str, str], None]
"""Told of every part that is passed over: its key and the reason."""

COMPACTED = "compact-"
"""How the names of parts begin that were made of others."""

_SUFFIX = ".parquet"
_MOST_LOOKS = 20
_ONE_DAY = timedelta(days=1)

_logger = logging.getLogger(__name__)


def write_part(store: Store, kind: Kind, day: date, name: str, rows: Iterable[Record | Feedback]) -> str:
    """Put rows into the store, all or none of them. The same name with the same rows again changes nothing.

    Args:
        store: where.
        kind: of the rows.
        day: of all their timestamps, in UTC.
        name: unique among all that is ever written; replica and segment.
        rows: what `name` stands for now and for ever.

    Returns:
        The part's key.
    """
    table = to_table(kind, rows)
    key = f"{prefix_of(kind)}day={day.isoformat()}/{name}{_SUFFIX}"
    store.put(key, encode(table, [(name, table.num_rows)]))
    return key


def scan(
    store: Store,
    kind: Kind,
    since: datetime,
    until: datetime,
    columns: Sequence[str] | None = None,
    on_skip: OnSkip | None = None,
) -> Iterator[pa.Table]:
    """Rows of a window, a table a part, each row once: only the days and columns that are asked for.

    Holds one part in memory at a time (at most about 100,000 rows), so a window of any size streams. Days come
    in order; within a day the order is that of the parts, not of time. Parts may be sent, sent again, compacted
    and deleted meanwhile.

    Args:
        store: where.
        kind: of the rows.
        since: the first timestamp, with its time zone.
        until: behind the last timestamp.
        columns: which, and in which order; by default all, in the schema's types and this code's version.
        on_skip: told of parts that are passed over; by default it is logged.

    Raises:
        StoreError: the store does not answer; what was yielded is right, and there is more.
    """
    wanted = check_columns(kind, columns)
    gone = forgotten(store)
    ids = tuple(name for name in ("prediction_id", "session_id") if name in check_columns(kind, None))
    needed = tuple(dict.fromkeys((*wanted, "timestamp", *(ids if gone else ()))))
    for day in days(store, kind, since.astimezone(UTC).date(), until.astimezone(UTC).date()):
        begin = datetime.combine(day, time(), UTC)
        whole = since <= begin and begin + _ONE_DAY <= until
        for table in _scan_day(store, kind, day, needed, on_skip or _complain):
            if not whole:
                table = keep(table, "timestamp", _next_ms(since), _next_ms(until))
            if gone:
                table = leave_out(table, ids, gone)
            if table.num_rows:
                yield table.select(list(wanted))


def read_records(
    store: Store, since: datetime, until: datetime, on_skip: OnSkip | None = None
) -> Iterator[Record]:
    """The records of a window, each prediction once, days in order."""
    for table in scan(store, Record, since, until, on_skip=on_skip):
        for batch in table.to_batches(max_chunksize=5_000):
            for row in batch.to_pylist():
                yield from_row(Record, row)


def read_feedback(
    store: Store, since: datetime, until: datetime, on_skip: OnSkip | None = None
) -> dict[str, Feedback]:
    """The last feedback on every prediction, by prediction id, of what was said in a window."""
    last: dict[str, Feedback] = {}
    for table in scan(store, Feedback, since, until, on_skip=on_skip):
        for row in table.to_pylist():
            feedback = from_row(Feedback, row)
            earlier = last.get(feedback.prediction_id)
            if earlier is None or feedback.timestamp >= earlier.timestamp:
                last[feedback.prediction_id] = feedback
    return last


def prefix_of(kind: Kind) -> str:
    """Under which keys that kind of row lies, with a slash at the end."""
    return "log/" if kind is Record else "feedback/"


def days(store: Store, kind: Kind, first: date, last: date) -> Iterator[date]:
    """The days from the first to the last, both included, that have parts, in order."""
    begin = f"{prefix_of(kind)}day="
    after = f"{begin}{first.isoformat()}"
    while (entry := next(iter(store.list(begin, after)), None)) is not None:
        text = entry.key.removeprefix(begin).partition("/")[0]
        # A slash sorts before a zero: behind all keys of this day, before those of the next.
        after = f"{begin}{text}0"
        try:
            day = date.fromisoformat(text)
        except ValueError:
            continue
        if day > last:
            return
        yield day


def parts_of(store: Store, kind: Kind, day: date) -> list[Entry]:
    """The parts of a day, those that were made of others first."""
    prefix = f"{prefix_of(kind)}day={day.isoformat()}/"
    found = [entry for entry in store.list(prefix) if entry.key.endswith(_SUFFIX)]
    return sorted(found, key=lambda entry: (not entry.key.startswith(prefix + COMPACTED), entry.key))


def source_of(key: str) -> str:
    """The name of the source that a part is when nobody compacted it."""
    return key.rpartition("/")[2].removesuffix(_SUFFIX)


def read_part(store: Store, kind: Kind, key: str, columns: Sequence[str] | None = None) -> Part:
    """One part.

    Raises:
        PartError: it is cut off, damaged, or no part.
        Missing: it is gone; its rows may be in a compacted part by now.
    """
    return decode(store.get(key), kind, check_columns(kind, columns))


def _scan_day(
    store: Store, kind: Kind, day: date, columns: Sequence[str], on_skip: OnSkip
) -> Iterator[pa.Table]:
    read: set[str] = set()  # sources
    seen: set[str] = set()  # keys
    for _ in range(_MOST_LOOKS):
        vanished = False
        for entry in parts_of(store, kind, day):
            if entry.key in seen or source_of(entry.key) in read:
                continue
            try:
                part = read_part(store, kind, entry.key, columns)
            except Missing:
                # Compacted between looking and reading: look again, and leave out what was read already.
                vanished = True
                continue
            except PartError as error:
                on_skip(entry.key, str(error))
                seen.add(entry.key)
                continue
            fresh = part.without(read)
            seen.add(entry.key)
            read.update(name for name, _ in part.sources)
            if fresh.num_rows:
                yield fresh
        if not vanished:
            return
    raise Unreachable(f"{store}: parts of {prefix_of(kind)}day={day} are listed and cannot be read")


def _next_ms(time: datetime) -> datetime:
    """The first whole millisecond from a time on: rows have no finer time."""
    return time + timedelta(microseconds=-time.microsecond % 1000)


def _complain(key: str, reason: str) -> None:
    _logger.warning("%s is passed over: %s", key, reason)
