"""Read and write the log store: records and feedback as Parquet parts, by day, read by column and by day.

    log/day=2026-11-23/<part>.parquet        feedback/day=2026-11-23/<part>.parquet

The day is the UTC date of the rows' timestamps. Truncated or damaged parts are skipped and reported (`on_skip`).
Every reader here leaves out ids with an erasure tombstone (`forgotten/<id>.json`), even if the erasure has not
rewritten the parts yet.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa

from chatbot.records.erasure import forgotten
from chatbot.records.part import (
    InvalidPart,
    Kind,
    Part,
    check_columns,
    decode,
    encode,
    keep,
    leave_out,
    to_table,
)
from chatbot.records.schema import Feedback, Record, from_row, latest_feedback
from chatbot.records.shard import COMPACTED, WHOLE, Shard, source_of
from chatbot.store import Entry, Missing, Store, Unreachable, layout

OnSkip = Callable[[str, str], None]
"""Callback for every skipped part: key and reason."""

_SUFFIX = ".parquet"
_MOST_LOOKS = 20
_ONE_DAY = timedelta(days=1)

_logger = logging.getLogger(__name__)


def write_part(store: Store, kind: Kind, day: date, name: str, rows: Iterable[Record | Feedback]) -> str:
    """Write rows to the store as one part: an atomic write, idempotent for the same name and rows.

    Args:
        day: UTC date of all timestamps.
        name: globally unique name of the source (replica and segment); serves as the idempotency key.
        rows: content of the source; must be the same in every call with this name.
    """
    table = to_table(kind, rows)
    key = layout.part(prefix_of(kind), day, name)
    store.put(key, encode(table, [(name, table.num_rows)]))
    return key


def scan(
    store: Store,
    kind: Kind,
    since: datetime,
    until: datetime,
    columns: Sequence[str] | None = None,
    on_skip: OnSkip | None = None,
    shard: Shard = WHOLE,
) -> Iterator[pa.Table]:
    """Stream the rows of a window, one table per part, each row once; reads only the needed days and columns.

    Holds one part in memory at a time (at most about 100,000 rows). Days are in order; within a day the order is
    that of the parts, not of time. Safe while parts are uploaded, uploaded again, compacted and deleted.

    Args:
        since: start of the window, inclusive, with time zone.
        until: end of the window, exclusive, with time zone.
        columns: columns to read, in this order, cast to this code's schema; None: all.
        on_skip: called for every skipped part; None: logs a warning.
        shard: read only the sources of this shard.

    Raises:
        StoreError: the store does not respond; the rows yielded so far are correct but incomplete.
    """
    wanted = check_columns(kind, columns)
    gone = forgotten(store)
    ids = tuple(name for name in ("prediction_id", "session_id") if name in check_columns(kind, None))
    needed = tuple(dict.fromkeys((*wanted, "timestamp", *(ids if gone else ()))))
    for day in days(store, kind, since.astimezone(UTC).date(), until.astimezone(UTC).date()):
        begin = datetime.combine(day, time(), UTC)
        whole = since <= begin and begin + _ONE_DAY <= until
        for table in _scan_day(store, kind, day, needed, on_skip or _complain, shard):
            if not whole:
                table = keep(table, "timestamp", _next_ms(since), _next_ms(until))
            if gone:
                table = leave_out(table, ids, gone)
            if table.num_rows:
                yield table.select(list(wanted))


def read_feedback(
    store: Store, since: datetime, until: datetime, on_skip: OnSkip | None = None
) -> dict[str, Feedback]:
    """Return the latest feedback per prediction id, of all feedback given in a window."""
    tables = scan(store, Feedback, since, until, on_skip=on_skip)
    return latest_feedback(from_row(Feedback, row) for table in tables for row in table.to_pylist())


def prefix_of(kind: Kind) -> str:
    """Return the key prefix of a kind of row, with a slash at the end."""
    return layout.LOG if kind is Record else layout.FEEDBACK


def days(store: Store, kind: Kind, first: date, last: date) -> Iterator[date]:
    """Yield the days in [first, last] that have parts, in order."""
    begin = f"{prefix_of(kind)}day="
    after = f"{begin}{first.isoformat()}"
    while (entry := next(iter(store.list(begin, after)), None)) is not None:
        text = entry.key.removeprefix(begin).partition("/")[0]
        # A slash sorts before a zero, so this sorts after all keys of this day and before those of the next.
        after = f"{begin}{text}0"
        try:
            day = date.fromisoformat(text)
        except ValueError:
            continue
        if day > last:
            return
        yield day


def parts_of(store: Store, kind: Kind, day: date) -> list[Entry]:
    """List the parts of a day, compacted parts first."""
    prefix = layout.of_day(prefix_of(kind), day)
    found = [entry for entry in store.list(prefix) if entry.key.endswith(_SUFFIX)]
    return sorted(found, key=lambda entry: (not entry.key.startswith(prefix + COMPACTED), entry.key))


def read_part(store: Store, kind: Kind, key: str, columns: Sequence[str] | None = None) -> Part:
    """Read one part.

    Raises:
        InvalidPart: it is truncated, damaged, or not a part.
        Missing: it was deleted; its rows may be in a compacted part by now.
    """
    return decode(store.get(key), kind, check_columns(kind, columns))


def _scan_day(
    store: Store, kind: Kind, day: date, columns: Sequence[str], on_skip: OnSkip, shard: Shard
) -> Iterator[pa.Table]:
    read: set[str] = set()  # sources
    seen: set[str] = set()  # keys
    for _ in range(_MOST_LOOKS):
        vanished = False
        for entry in parts_of(store, kind, day):
            if entry.key in seen or source_of(entry.key) in read or not shard.may_have(entry.key):
                continue
            try:
                part = read_part(store, kind, entry.key, columns)
            except Missing:
                # Compacted between list and read: list again; sources that were read are skipped.
                vanished = True
                continue
            except InvalidPart as error:
                if shard.is_first(entry.key):
                    on_skip(entry.key, str(error))
                seen.add(entry.key)
                continue
            wanted = {name for name, _ in part.sources if name not in read and shard.has(name)}
            fresh = part.only(wanted)
            seen.add(entry.key)
            read |= wanted
            if fresh.num_rows:
                yield fresh
        if not vanished:
            return
    raise Unreachable(f"{store}: parts of {prefix_of(kind)}day={day} are listed and cannot be read")


def _next_ms(time: datetime) -> datetime:
    """Round up to whole milliseconds, the resolution of the rows' timestamps."""
    return time + timedelta(microseconds=-time.microsecond % 1000)


def _complain(key: str, reason: str) -> None:
    _logger.warning("%s is passed over: %s", key, reason)
