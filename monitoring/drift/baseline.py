"""Freeze and load the production baseline: a version's first live records, in the store or next to the log.

A baseline holds features and scores, no text and no id. It contains no personal data, so erasure does not apply to it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

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

_LAST = b"last"
_HELD = 20


@dataclass(frozen=True, slots=True)
class Baseline:
    """A frozen baseline.

    Attributes:
        columns: its records.
        last: time of its last record; windows begin after it.
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
            f"{key} is not a baseline ({error}): delete it, and the next check freezes the version's "
            "first records again"
        ) from error
    return Baseline(of_table(table), last, key)


def first_records(
    source: RecordSource, serving: ServedModel, records: int, until: datetime
) -> pa.Table | None:
    """Return the version's earliest `records` records, or all if there are fewer; None if there are none.

    Those of the shards of a source merge by `earliest` into those of the whole.
    """
    columns = [name for name in COLUMNS if name != "query"]
    held: list[pa.Table] = []
    days = source.days(serving.since, until)
    for day in days:
        # A source with a single day covers all later ones (a CSV file is not ordered by day).
        end = min(begin_of(day) + timedelta(days=1), until) if len(days) > 1 else until
        for table in source.tables(max(begin_of(day), serving.since), end, columns, ignore):
            held.append(table.filter(serving.wrote(table)))
            if len(held) > _HELD:
                held = [earliest(held, records)]
        if sum(table.num_rows for table in held) >= records:
            break
    return earliest(held, records) if held else None


def freeze(
    first: pa.Table | None,
    source: RecordSource,
    store: Store | None,
    folder: Path,
    serving: ServedModel,
    records: int,
) -> Baseline | None:
    """Freeze the version's first records (`first_records`) as its baseline; None if there are fewer than `records`.

    Idempotent: the object is created only if it does not exist, so a baseline frozen concurrently wins. Without a store
    it is written to `folder`, the log folder.
    """
    if first is None or first.num_rows < records:
        return None
    last = pc.max(first["timestamp"]).as_py().astimezone(UTC)
    begin = pc.min(first["timestamp"]).as_py().astimezone(UTC)
    first = source.thumbs(begin, last + timedelta(seconds=1), ignore).join(first)
    table = to_table(of_table(first)).replace_schema_metadata({_LAST: last.isoformat().encode()})
    with contextlib.suppress(Conflict):
        (store or FolderStore(folder)).put(layout.baseline(serving.name), to_parquet(table), new=True)
    return load(store, folder, serving)


def earliest(tables: Sequence[pa.Table], records: int) -> pa.Table:
    """Return the earliest records of tables, ties in order of the id."""
    keys = [("timestamp", "ascending"), ("prediction_id", "ascending")]
    whole = pa.concat_tables(tables)
    order = pc.sort_indices(whole.select(["timestamp", "prediction_id"]), sort_keys=keys)
    return whole.take(order[:records])
