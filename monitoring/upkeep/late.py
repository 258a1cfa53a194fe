"""Erase what reached the store after its erasure: from a pod that could not upload, or from a client or a reviewer.

Its tombstone (`forgotten/`) hides it from every reader from the beginning; retention deletes it, by `erase_late`. Only
what may be late is read: parts that were written after the first tombstone and that no compaction has made, because
compaction leaves out what is erased. Of handoffs, contact data and decisions the key names the prediction; a later
handoff of the same conversation may have the erased message as an earlier turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from chatbot.errors import Missing
from chatbot.records.log_store import days, parts_of, read_part
from chatbot.records.part import InvalidPart, Kind, leave_out
from chatbot.records.schema import Feedback, Record
from chatbot.records.shard import WHOLE, Shard, is_compacted
from chatbot.store import Entry, Store, layout, stem
from monitoring.upkeep.erasure import (
    ALL_DAYS,
    SEARCHED,
    days_of_turns,
    id_columns,
    mark_predictions,
    objects,
    prediction_day,
    rewrite,
    take_out_object,
    take_out_of,
)

_SLACK = timedelta(hours=1)
"""How long before its appearance a store may date an object: S3 dates it by the beginning of its upload."""


def erase_late(store: Store, say: Callable[[str], None], dry_run: bool = False, shard: Shard = WHOLE) -> None:
    """Erase the data of a shard that has a tombstone, or only report it (`dry_run`), one line each. Idempotent.

    Raises: StoreError: the store does not respond; the next run does the rest.
    """
    marks = list(store.list(layout.TOMBSTONES))
    if not marks:
        return
    first = min(entry.modified for entry in marks) - _SLACK
    gone = {stem(entry.key): entry.modified for entry in marks}
    verb = "would take" if dry_run else "take"
    for kind in (Record, Feedback):
        for entry in _late_parts(store, kind, first, shard):
            try:
                found = read_part(store, kind, entry.key, id_columns(kind)).table
            except (Missing, InvalidPart):
                continue  # compacted meanwhile; or damaged, which compaction reports
            if rows := found.num_rows - leave_out(found, id_columns(kind), gone).num_rows:
                say(f"{verb} {rows} erased rows out of {entry.key}")
                if not dry_run:
                    if kind is Record:  # feedback on them and their handoffs may be late, too
                        gone |= dict.fromkeys(mark_predictions(store, found, gone), datetime.now(UTC))
                    _rewrite(store, kind, entry, frozenset(gone))
    for prefix in SEARCHED:
        for entry in objects(store, prefix):
            if stem(entry.key) in gone and shard.has(entry.key):
                say(f"{verb} {entry.key}, which is erased")
                if not dry_run:
                    store.delete(entry.key)
    for entry in _late_handoffs(store, marks):
        if not shard.has(entry.key) or stem(entry.key) in gone:
            continue
        if rewrite(store, entry, lambda one: take_out_object(store, one, gone, dry_run)):
            say(f"{verb} what is erased out of {entry.key}")


def _late_parts(store: Store, kind: Kind, first: datetime, shard: Shard) -> Iterator[Entry]:
    for day in days(store, kind, *ALL_DAYS):
        for entry in parts_of(store, kind, day):
            if entry.modified >= first and not is_compacted(entry.key) and shard.may_have(entry.key):
                yield entry


def _late_handoffs(store: Store, marks: Iterable[Entry]) -> Iterator[Entry]:
    """Yield handoffs that may have an erased message as an earlier turn, from the memory of the process.

    An erased session may have turns without a tombstone, up to the time of its erasure.
    """
    marked: dict[date, datetime] = {}
    for mark in marks:
        for later in days_of_turns(prediction_day(stem(mark.key)) or mark.modified.date()):
            marked[later] = min(marked.get(later, mark.modified), mark.modified)
    for entry in objects(store, layout.HANDOFFS):
        since = marked.get(prediction_day(stem(entry.key)) or date.min)
        if since is not None and entry.modified >= since - _SLACK:
            yield entry


def _rewrite(store: Store, kind: Kind, part: Entry, ids: frozenset[str]) -> None:
    rewrite(store, part, lambda entry: take_out_of(store, kind, entry.key, entry.etag, ids))
