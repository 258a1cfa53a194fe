"""Read the records of a store, as tests compare them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from chatbot.records.log_store import OnSkip, scan
from chatbot.records.schema import Record, from_row
from chatbot.store import Store

LONG_AGO, FAR = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def read_records(
    store: Store, since: datetime = LONG_AGO, until: datetime = FAR, on_skip: OnSkip | None = None
) -> Iterator[Record]:
    """Stream the records of a window, each prediction once, days in order."""
    for table in scan(store, Record, since, until, on_skip=on_skip):
        for row in table.to_pylist():
            yield from_row(Record, row)


def stored(store: Store) -> Counter[str]:
    """Count the records of a store by prediction id."""
    return Counter(ids(list(read_records(store))))


def ids(records: Sequence[Record]) -> list[str]:
    """Return the prediction ids of records."""
    return [record.prediction_id for record in records]
