"""Read the records of a store, as tests compare them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from chatbot.records.log_store import OnSkip, scan
from chatbot.records.schema import Record, from_row
from chatbot.store import Store


def read_records(
    store: Store, since: datetime, until: datetime, on_skip: OnSkip | None = None
) -> Iterator[Record]:
    """Stream the records of a window, each prediction once, days in order."""
    for table in scan(store, Record, since, until, on_skip=on_skip):
        for row in table.to_pylist():
            yield from_row(Record, row)
