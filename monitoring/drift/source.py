"""Read records for the drift check from the log store or the CSV files: projected columns, one part at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from chatbot.records import log_store
from chatbot.records.log_store import OnSkip
from chatbot.records.schema import Feedback, Record, arrow_schema, to_row
from chatbot.records.shard import WHOLE, Shard
from chatbot.store import Store
from monitoring.drift.feedback import SCHEMA, Thumbs
from monitoring.inference_log import reader

COLUMNS = (
    "timestamp", "prediction_id", "model_version", "bundle_digest", "query", "intent", "confidence", "scope", "handoff",
    "chars", "words", "non_letter_share", "upper_share", "summary",
)  # fmt: skip
"""Columns of a record that the check needs."""
LATE_FEEDBACK = timedelta(days=7)
"""Maximum delay of feedback after the answer."""

_CHUNK = 20_000


class RecordSource(Protocol):
    """Source of the records of a time range, as tables."""

    name: str
    """Name shown in messages to a person."""

    def tables(
        self, since: datetime, until: datetime, columns: Sequence[str], on_skip: OnSkip
    ) -> Iterator[pa.Table]:
        """Yield records with since <= timestamp < until, one part at a time.

        Raises: OSError: the log folder cannot be read.
        """

    def days(self, since: datetime, until: datetime) -> list[date]:
        """Return the days that may have records, in ascending order."""

    def thumbs(self, since: datetime, until: datetime, on_skip: OnSkip) -> Thumbs:
        """Return the last feedback on each prediction, given in the range or up to `LATE_FEEDBACK` after it."""


class StoreSource:
    """Source that reads the log store (`chatbot.records.log_store`)."""

    def __init__(self, store: Store, shard: Shard = WHOLE) -> None:
        """Configure the source; sends no request. Feedback is read whole, to be joined with the shard's records."""
        self._store = store
        self._shard = shard
        self.name = str(store)

    def tables(
        self, since: datetime, until: datetime, columns: Sequence[str], on_skip: OnSkip
    ) -> Iterator[pa.Table]:
        return log_store.scan(self._store, Record, since, until, columns, on_skip, self._shard)

    def days(self, since: datetime, until: datetime) -> list[date]:
        return list(log_store.days(self._store, Record, since.date(), until.date()))

    def thumbs(self, since: datetime, until: datetime, on_skip: OnSkip) -> Thumbs:
        names = SCHEMA.names
        return Thumbs.of(log_store.scan(self._store, Feedback, since, until + LATE_FEEDBACK, names, on_skip))


class CsvSource:
    """Source that reads the log folder: inference_log.csv, rotated files and spool."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = str(folder / f"{reader.LOG}.csv")

    def tables(
        self, since: datetime, until: datetime, columns: Sequence[str], on_skip: OnSkip
    ) -> Iterator[pa.Table]:
        schema = pa.schema([arrow_schema(Record).field(name) for name in columns])
        records = (
            r for r in reader.read_log(self._folder, _by_line(on_skip)) if since <= r.timestamp < until
        )
        while chunk := list(islice(records, _CHUNK)):
            rows = [{name: row[name] for name in columns} for row in map(to_row, chunk)]
            yield pa.Table.from_pylist(rows, schema)

    def days(self, since: datetime, until: datetime) -> list[date]:
        # One day that covers all: the files are not ordered by day.
        return [since.astimezone(UTC).date()] if since < until else []

    def thumbs(self, since: datetime, until: datetime, on_skip: OnSkip) -> Thumbs:
        rows = [
            {name: getattr(feedback, name) for name in SCHEMA.names}
            for feedback in reader.read_feedback(self._folder, _by_line(on_skip)).values()
            if since <= feedback.timestamp < until + LATE_FEEDBACK
        ]
        return Thumbs.of([pa.Table.from_pylist(rows, SCHEMA)])


def choose(store: Store | None, folder: Path, kind: str = "auto") -> RecordSource:
    """Choose the source of the records: the CSV files without a store, else by `kind`: `store`, `csv` or `auto`.

    `auto` is the store if it has any record, otherwise the CSV files.

    Raises: StoreError: the store does not respond (it is not assumed to be empty).
    """
    if kind == "csv" or store is None:
        return CsvSource(folder)
    if kind == "store" or next(iter(store.list(log_store.prefix_of(Record))), None) is not None:
        return StoreSource(store)
    return CsvSource(folder)


def ignore(_where: str, _why: str) -> None:
    """Pass over a part or line that is not a record: the window's own reading counts it."""


def _by_line(on_skip: OnSkip) -> reader.OnSkip:
    return lambda path, line, reason: on_skip(f"{path}, line {line}", reason)


def begin_of(day: date) -> datetime:
    """Return the begin of the day: midnight UTC."""
    return datetime.combine(day, time(), UTC)
