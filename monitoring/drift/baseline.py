"""Freeze and load the production baseline: a sample of a version's first day, in the store or next to the log.

The baseline is a uniform sample of the version's first hours (`CHATBOT_DRIFT_BASELINE_HOURS`), which cover the daily
rhythm. If these have too few records, it is the version's first records, however long they take.

A baseline holds features and scores, no text and no id. It contains no personal data, so erasure does not apply to it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chatbot.errors import Conflict, Missing, StoreError
from chatbot.records.part import to_parquet
from chatbot.store import Store, layout
from chatbot.store.folder import FolderStore
from monitoring.drift.columns import RecordColumns, of_table, to_table
from monitoring.drift.served_model import ServedModel
from monitoring.drift.source import COLUMNS, RecordSource, begin_of, ignore
from monitoring.drift.window import SKEW, row_hashes

_LAST = b"last"


@dataclass(frozen=True, slots=True)
class Baseline:
    """A frozen baseline.

    Attributes:
        columns: its records.
        last: end of the time that it covers.
        key: its key in the store, or its path relative to the log folder.
    """

    columns: RecordColumns
    last: datetime
    key: str


def load(store: Store | None, folder: Path, serving: ServedModel) -> Baseline | None:
    """Load the version's baseline; None if it is not frozen yet.

    Raises: StoreError: the store does not respond, or the object is not a baseline.
    """
    key = layout.baseline(serving.name)
    try:
        content = (store or FolderStore(folder)).get(key)
    except Missing:
        return None
    try:
        table = pq.read_table(pa.BufferReader(content))
        last = datetime.fromisoformat((table.schema.metadata or {})[_LAST].decode())
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise StoreError(
            f"{key} is not a baseline ({error}): delete it, and the next check freezes a new one"
        ) from error
    return Baseline(of_table(table), last, key)


def first_time(
    frozen: Baseline | None, source: RecordSource, serving: ServedModel, now: datetime
) -> datetime | None:
    """Return the time of the version's first record; None if there is none, or the version's baseline is frozen."""
    if frozen is not None or not serving.version:
        return None
    columns = ("timestamp", "model_version", "bundle_digest")
    for begin, end in _days(source, serving, now + SKEW):
        tables = source.tables(begin, end, columns, ignore)
        ours = (table.filter(serving.wrote(table))["timestamp"] for table in tables)
        times: list[datetime] = [pc.min(column).as_py() for column in ours if len(column)]
        if times:
            return min(times).astimezone(UTC)
    return None


def first_records(
    source: RecordSource, serving: ServedModel, sampled_until: datetime, records: int, until: datetime
) -> pa.Table | None:
    """Return the version's first records as `earliest` does; None if there are none.

    Those of the shards of a source merge by `earliest` into those of the whole.
    """
    columns = [name for name in COLUMNS if name != "query"]
    held: pa.Table | None = None
    for begin, end in _days(source, serving, until):
        if held is not None and held.num_rows >= records and begin >= sampled_until:
            break
        for table in source.tables(begin, end, columns, ignore):
            ours = table.filter(serving.wrote(table))
            held = earliest([ours] if held is None else [held, ours], sampled_until, records)
    return held


def freeze(
    first: pa.Table,
    sampled_until: datetime,
    source: RecordSource,
    store: Store | None,
    folder: Path,
    serving: ServedModel,
) -> Baseline | None:
    """Freeze the version's first records (`first_records`) as its baseline; None if another process deletes it.

    Idempotent: the object is created only if it does not exist, so a baseline frozen concurrently wins. Without a store
    it is written to `folder`, the log folder.
    """
    begin, newest = (pick(first["timestamp"]).as_py().astimezone(UTC) for pick in (pc.min, pc.max))
    last = max(newest, sampled_until)
    first = source.thumbs(begin, last + timedelta(seconds=1), ignore).join(first)
    table = to_table(of_table(first)).replace_schema_metadata({_LAST: last.isoformat().encode()})
    with contextlib.suppress(Conflict):
        (store or FolderStore(folder)).put(layout.baseline(serving.name), to_parquet(table), new=True)
    return load(store, folder, serving)


def earliest(tables: Sequence[pa.Table], sampled_until: datetime, records: int) -> pa.Table:
    """Return `records` rows: a uniform sample of those up to `sampled_until`, and if these are too few, the next ones.

    All rows up to `sampled_until` count as equally early, and the row's hash decides (bottom-k sampling).
    """
    whole = pa.concat_tables(tables)
    times = whole["timestamp"].cast(pa.int64()).to_numpy()
    order = np.lexsort((row_hashes(whole), np.maximum(times, int(sampled_until.timestamp() * 1000))))
    return whole.take(pa.array(order[:records])).combine_chunks()


def _days(source: RecordSource, serving: ServedModel, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield begin and end of each day that may have records of the version, up to `until`."""
    days = source.days(serving.since, until)
    for day in days:
        # A source with a single day covers all later ones (a CSV file is not ordered by day).
        end = min(begin_of(day) + timedelta(days=1), until) if len(days) > 1 else until
        yield max(begin_of(day), serving.since), end
