"""The log store that the drift check's cost is measured on has records and feedback of the schema as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from chatbot.records.log_store import scan
from chatbot.records.schema import Feedback, Record
from chatbot.settings import StorageSettings
from chatbot.store import open_store
from tools.bench.drift.scale import THUMBS, fill


def test_the_store_is_filled_with_readable_records_of_one_day_and_their_feedback(tmp_path: Path) -> None:
    fill(tmp_path, 500)
    store, now = open_store(StorageSettings(url=str(tmp_path))), datetime.now(UTC)
    rows = {
        kind: sum(table.num_rows for table in scan(store, kind, now - timedelta(days=2), now))
        for kind in (Record, Feedback)
    }
    assert rows[Record] == 500
    assert 0.5 * THUMBS < rows[Feedback] / 500 < 2 * THUMBS
