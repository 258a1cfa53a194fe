"""Compact the log store: merge the small parts of closed days into large ones: `python -m monitoring.compact`.

A compacted part holds the rows of several parts and lists its sources in the metadata (`chatbot.records.part`). It is
written and read back before the source parts are deleted. Compaction is idempotent: readers see each row exactly
once, at any moment, even if a compaction is killed or two run concurrently. Rows with an erasure tombstone are
dropped. With `--shard INDEX/COUNT`, each of several processes compacts the sources of its shard.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from chatbot.errors import ChatbotError, Missing
from chatbot.records.erasure import forgotten, tombstones
from chatbot.records.log_store import days, parts_of, prefix_of, read_part
from chatbot.records.part import InvalidPart, Kind, encode, without_erased
from chatbot.records.schema import Feedback, Record
from chatbot.records.shard import WHOLE, Shard, is_compacted, source_of
from chatbot.settings import StorageSettings
from chatbot.store import Entry, Store, layout, open_store
from monitoring.upkeep.erasure import SESSION_CHARS, mark_predictions, rewrite, take_out_of

PART_ROWS = 100_000
"""Maximum rows of a compacted part: about 10 MB, which a reader holds in memory at once."""
CLOSED = timedelta(hours=1)
"""Time after its end when a day counts as closed; a later run compacts rows that arrive after that."""

_FIRST_DAY = date(1970, 1, 1)


@dataclass(slots=True)
class Done:
    """Result of a compaction.

    Attributes:
        made: keys of the new parts.
        deleted: keys of parts whose rows are in other parts.
        damaged: unreadable parts, key to reason; they are not deleted.
    """

    made: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Group:
    """Source parts that are merged into one compacted part."""

    keys: list[str] = field(default_factory=list)
    rows_of: list[tuple[str, pa.Table]] = field(default_factory=list)
    """The rows of each source, by its name."""

    @property
    def sources(self) -> list[tuple[str, int]]:
        return [(name, table.num_rows) for name, table in self.rows_of]

    @property
    def table(self) -> pa.Table:
        return pa.concat_tables([table for _, table in self.rows_of])


def compact(store: Store, now: datetime, part_rows: int = PART_ROWS, shard: Shard = WHOLE) -> Done:
    """Compact all closed days of the inference log and of the feedback.

    Args:
        now: determines which days are closed.
        part_rows: maximum rows of a new part, unless one of its sources has more.
        shard: compact only the sources of this shard. Compacted parts that also have others' are left as they are.

    Raises:
        StoreError: the store does not respond. Finished days stay compacted; the next run does the rest.
        InvalidPart: a new part reads back differently; its sources are not deleted.
    """
    last = (now - CLOSED).astimezone(UTC).date() - timedelta(days=1)
    run = _Compaction(store, tombstones(store), part_rows, shard)
    for kind in (Record, Feedback):
        for day in days(store, kind, _FIRST_DAY, last):
            parts = [entry for entry in parts_of(store, kind, day) if shard.may_have(entry.key)]
            if not all(is_compacted(entry.key) for entry in parts):
                run.compact_day(kind, day, parts)
    return run.done


@dataclass(slots=True)
class _Compaction:
    """One run; `gone` are the ids with a tombstone at its start."""

    store: Store
    gone: Mapping[str, datetime]
    part_rows: int
    shard: Shard
    done: Done = field(default_factory=Done)

    def compact_day(self, kind: Kind, day: date, parts: list[Entry]) -> None:
        read: set[str] = set()
        group = _Group()
        for entry in parts:
            if source_of(entry.key) in read:
                # An earlier compaction was killed before it deleted this part, or the part was uploaded again.
                self._delete(entry.key)
                continue
            try:
                part = read_part(self.store, kind, entry.key)
            except Missing:
                continue  # a concurrent compaction deleted it
            except InvalidPart as error:
                if self.shard.is_first(entry.key):
                    self.done.damaged[entry.key] = str(error)
                continue
            fresh = tuple((name, rows) for name, rows in part.sources if name not in read)
            read.update(name for name, _ in part.sources)
            if not self.shard.has_all(entry.key):
                continue  # its rows are compacted; those of other shards among them are not ours to move
            table = part.only({name for name, _ in fresh})
            if not fresh:
                self._delete(entry.key)
                continue
            if is_compacted(entry.key) and table.num_rows >= self.part_rows // 2:
                continue  # large enough
            if group.keys and sum(rows for _, rows in group.sources) + table.num_rows > self.part_rows:
                self._put(kind, day, group)
                group = _Group()
            if kind is Record:
                mark_predictions(self.store, table, self.gone)
            group.keys.append(entry.key)
            group.rows_of += without_erased(kind, table, fresh, self.gone)
        self._put(kind, day, group)

    def _put(self, kind: Kind, day: date, group: _Group) -> None:
        store = self.store
        if all(map(is_compacted, group.keys)):
            return  # nothing to merge: no parts, or only compacted ones
        if kind is Feedback:
            _keep_latest(group)
        digest = hashlib.sha256(json.dumps(group.sources).encode()).hexdigest()[:20]
        key = layout.part(prefix_of(kind), day, self.shard.compacted(digest))
        store.put(key, encode(group.table, group.sources))
        if read_part(store, kind, key).sources != tuple(group.sources):
            raise InvalidPart(f"{key} was written, but reads back differently: nothing was deleted")
        self.done.made.append(key)
        # Rows of an erased session stay until the erasure has marked its predictions, which it finds by these rows.
        late = frozenset(one for one in forgotten(store) - self.gone.keys() if len(one) != SESSION_CHARS)
        # Rows that got a tombstone after their source was read: the erasure may have listed the parts earlier.
        if late and (made := store.head(key)) is not None:
            rewrite(store, made, lambda entry: take_out_of(store, kind, key, entry.etag, late))
        for old in group.keys:
            # Equal only if `parts_of` no longer lists compacted parts first; then deleting it would lose its rows.
            if old != key:
                self._delete(old)

    def _delete(self, key: str) -> None:
        self.store.delete(key)
        self.done.deleted.append(key)


def _keep_latest(group: _Group) -> None:
    """Keep only the latest feedback on each prediction; sources left empty are kept."""
    whole = group.table.select(["prediction_id", "timestamp"])
    whole = whole.append_column("row", pa.array(range(whole.num_rows)))
    ordered = whole.sort_by([("timestamp", "ascending"), ("row", "ascending")])
    latest = ordered.group_by("prediction_id", use_threads=False).aggregate([("row", "last")])["row_last"]
    is_latest, start = pc.is_in(whole["row"], value_set=latest.combine_chunks()), 0
    for index, (name, table) in enumerate(group.rows_of):
        group.rows_of[index] = name, table.filter(is_latest.slice(start, table.num_rows))
        start += table.num_rows


def main(arguments: list[str] | None = None) -> int:
    """Run the compaction and print a summary; exit code 1 if the store does not respond."""
    parser = argparse.ArgumentParser(
        prog="python -m monitoring.compact", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--shard", default="0/1", metavar="INDEX/COUNT", help="compact this share alone")
    options = parser.parse_args(arguments)
    try:
        shard = Shard.parse(options.shard)
        done = compact(open_store(StorageSettings()), datetime.now(UTC), shard=shard)
    except (ChatbotError, InvalidPart, ValidationError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{len(done.made)} parts made, {len(done.deleted)} deleted\n")
    for key, reason in done.damaged.items():
        sys.stdout.write(f"damaged, left where it is: {key}: {reason}\n")
    return 0
