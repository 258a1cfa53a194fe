"""Where the drift check reads records: the log store, or the CSV beside it. Projected columns, a part at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from chatbot import record_store
from chatbot.records import Feedback, Record, arrow_schema, to_row
from chatbot.storage import Store
from monitoring import drift_thumbs, log_reader, logger
from monitoring.drift_thumbs import Thumbs

COLUMNS = (
    "timestamp",
    "prediction_id",
    "model_version",
    "query",
    "intent",
    "confidence",
    "scope",
    "handoff",
    "chars",
    "words",
    "non_letter_share",
    "upper_share",
    "summary",
)
"""What the check needs of a record."""
LATE_FEEDBACK = timedelta(days=7)
"""A thumb may come so long after the answer."""

OnSkip = Callable[[str, str], None]
"""Told of every part or line that is passed over: where, and why."""

_CHUNK = 20_000


class Source(Protocol):
    """Records of a time, as tables; days in order."""

    name: str
    """For messages to a person."""

    def tables(
        self, since: datetime, until: datetime, columns: Sequence[str], on_skip: OnSkip
    ) -> Iterator[pa.Table]:
        """Records with since <= timestamp < until, a part at a time.

        Raises:
            StoreError: the store does not answer.
            OSError: the log's folder cannot be read.
        """

    def days(self, since: datetime, until: datetime) -> list[date]:
        """The days that may hold records, in order."""

    def thumbs(self, since: datetime, until: datetime, on_skip: OnSkip) -> Thumbs:
        """The last thumb of each prediction, of what was said in that time or `LATE_FEEDBACK` after."""


class StoreSource:
    """The log store (`chatbot.record_store`)."""

    def __init__(self, store: Store) -> None:
        """Opens nothing."""
        self._store = store
        self.name = str(store)

    def tables(
        self, since: datetime, until: datetime, columns: Sequence[str], on_skip: OnSkip
    ) -> Iterator[pa.Table]:
        """See `Source`."""
        return record_store.scan(self._store, Record, since, until, columns, on_skip)

    def days(self, since: datetime, until: datetime) -> list[date]:
        """See `Source`."""
        return list(record_store.days(self._store, Record, since.date(), until.date()))

    def thumbs(self, since: datetime, until: datetime, on_skip: OnSkip) -> Thumbs:
        """See `Source`."""
        names = drift_thumbs.SCHEMA.names
        return Thumbs.of(
            record_store.scan(self._store, Feedback, since, until + LATE_FEEDBACK, names, on_skip)
        )


class CsvSource:
    """The log's folder (`monitoring.logger`): inference_log.csv, what was put aside, the spool."""

    def __init__(self, folder: Path) -> None:
        """Opens nothing."""
        self._folder = folder
        self.name = str(folder / f"{log_reader.LOG}.csv")

    def tables(
        self, since: datetime, until: datetime, columns: Sequence[str], on_skip: OnSkip
    ) -> Iterator[pa.Table]:
        """See `Source`."""
        schema = pa.schema([arrow_schema(Record).field(name) for name in columns])

        def told(path: Path, line: int, reason: str) -> None:
            on_skip(f"{path}, line {line}", reason)

        records = (r for r in logger.read_log(self._folder, told) if since <= r.timestamp < until)
        while chunk := list(islice(records, _CHUNK)):
            rows = [{name: row[name] for name in columns} for row in map(to_row, chunk)]
            yield pa.Table.from_pylist(rows, schema)

    def days(self, since: datetime, until: datetime) -> list[date]:
        """See `Source`: one stands for all, for the files are in no order of days."""
        return [since.astimezone(UTC).date()] if since < until else []

    def thumbs(self, since: datetime, until: datetime, on_skip: OnSkip) -> Thumbs:
        """See `Source`."""

        def told(path: Path, line: int, reason: str) -> None:
            on_skip(f"{path}, line {line}", reason)

        said = [
            {
                "prediction_id": feedback.prediction_id,
                "timestamp": feedback.timestamp,
                "helpful": feedback.helpful,
            }
            for feedback in logger.read_feedback(self._folder, told).values()
            if since <= feedback.timestamp < until + LATE_FEEDBACK
        ]
        return Thumbs.of([pa.Table.from_pylist(said, drift_thumbs.SCHEMA)])


def choose(store: Store | None, folder: Path, told: str = "auto") -> Source:
    """Where to read: as told (`store`, `csv`), else the store where it holds any record, else the CSV.

    Raises:
        StoreError: the store does not answer: it is not guessed that it is empty.
    """
    if told == "csv" or store is None:
        return CsvSource(folder)
    if told == "store" or next(iter(store.list(record_store.prefix_of(Record))), None) is not None:
        return StoreSource(store)
    return CsvSource(folder)


def begin_of(day: date) -> datetime:
    """Midnight, UTC."""
    return datetime.combine(day, time(), UTC)
