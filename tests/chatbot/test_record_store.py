"""The log store gives each row once, whatever was sent twice, compacted meanwhile, cut off or forgotten."""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatbot.dialog.router import Alternative, Prediction, Reply
from chatbot.ids import new_id
from chatbot.records.erasure import forgotten, mark_forgotten
from chatbot.records.log_store import read_feedback, scan, write_part
from chatbot.records.part import encode, to_table
from chatbot.records.schema import COLUMNS, SCHEMA_VERSION, Feedback, Record
from chatbot.records.shard import COMPACTED
from chatbot.store import Store
from tests.support.records import FAR, LONG_AGO, ids, read_records, stored

KEY = b"k" * 32
DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PREDICTION = Prediction([Alternative("track_order", 0.9), Alternative("cancel_order", 0.05)], 1.5, [0.1] * 8)
REPLY = Reply("track_order", "It is on its way.", 0.9, "model", prediction=PREDICTION)


def make(count: int, when: datetime = NOON, session: str = "") -> list[Record]:
    return [
        Record.of(REPLY, f"where is order {n}", new_id(KEY, when.timestamp() + n / 1000), session_id=session)
        for n in range(count)
    ]


def test_records_come_back_as_they_were_written(store: Store) -> None:
    records = make(100)
    key = write_part(store, Record, DAY, "replica-1", records)
    assert key == "log/day=2026-03-01/replica-1.parquet"
    assert list(read_records(store)) == records
    metadata = pq.ParquetFile(pa.BufferReader(store.get(key))).schema_arrow.metadata
    assert metadata[b"schema_version"] == str(SCHEMA_VERSION).encode()


def test_only_the_columns_and_the_time_that_are_asked_for_are_read(store: Store) -> None:
    before, within, after = make(1, NOON - timedelta(days=2)), make(10), make(1, NOON + timedelta(days=2))
    for records in (before, within, after):
        write_part(store, Record, records[0].timestamp.date(), f"r-{records[0].timestamp:%d}", records)
    [table] = scan(store, Record, NOON, NOON + timedelta(milliseconds=5), ["intent", "confidence"])
    assert table.column_names == ["intent", "confidence"]
    assert table.num_rows == 5
    # To the microsecond, although rows have none.
    [table] = scan(store, Record, NOON + timedelta(microseconds=1), NOON + timedelta(milliseconds=4))
    assert table.num_rows == 3
    whole_day = datetime(2026, 3, 1, tzinfo=UTC)
    [table] = scan(store, Record, whole_day, whole_day + timedelta(days=1), ["query"])
    assert table.num_rows == 10
    assert list(scan(store, Record, NOON + timedelta(days=3), FAR)) == []
    with pytest.raises(ValueError, match="no column 'mood'"):
        list(scan(store, Record, LONG_AGO, FAR, ["mood"]))


def test_days_that_are_not_asked_for_are_not_opened(store: Store) -> None:
    write_part(store, Record, DAY, "a", make(1))
    store.put("log/day=2026-02-28/b.parquet", b"not asked for, so nobody complains")
    store.put("log/day=2026-03-02/b.parquet", b"not asked for, so nobody complains")
    store.put("log/day=rubbish/b.parquet", b"no day")
    skipped: list[str] = []
    until = NOON + timedelta(hours=1)
    assert len(list(scan(store, Record, NOON, until, on_skip=lambda key, _: skipped.append(key)))) == 1
    assert skipped == []


def test_a_part_that_is_sent_twice_is_read_once(store: Store) -> None:
    records = make(10)
    for _ in range(2):
        write_part(store, Record, DAY, "replica-1", records)
    assert stored(store) == Counter(ids(records))


def test_the_last_feedback_on_a_prediction_counts(store: Store) -> None:
    one, other = ids(make(2))
    write_part(
        store,
        Feedback,
        DAY,
        "b",
        [
            Feedback.of(one, False, "get_refund", "no", NOON + timedelta(seconds=2)),
            Feedback.of(other, True, now=NOON),
        ],
    )
    write_part(store, Feedback, DAY, "c", [Feedback.of(one, True, now=NOON)])
    found = read_feedback(store, LONG_AGO, FAR)
    assert {name: feedback.helpful for name, feedback in found.items()} == {one: False, other: True}
    assert found[one].intent == "get_refund"


@pytest.mark.parametrize(
    "damage", ["cut in the middle", "cut at the end", "flipped", "empty", "text", "other"]
)
def test_a_damaged_part_is_passed_over_named_and_its_neighbours_are_read(store: Store, damage: str) -> None:
    records = make(500)
    write_part(store, Record, DAY, "a", records[:250])
    key = write_part(store, Record, DAY, "b", records[250:])
    write_part(store, Record, DAY, "c", more := make(5))
    content = store.get(key)
    middle = len(content) // 3
    other = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": [1]}), other)
    store.put(
        key,
        {
            "cut in the middle": content[:middle],
            "cut at the end": content[:-3],
            "flipped": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
            "empty": b"",
            "text": b"hello",
            "other": other.getvalue().to_pybytes(),
        }[damage],
    )
    skipped: list[tuple[str, str]] = []
    found = list(read_records(store, on_skip=lambda *told: skipped.append(told)))
    assert ids(found) == ids(records[:250] + more)
    assert [key for key, _ in skipped] == ["log/day=2026-03-01/b.parquet"]
    assert skipped[0][1]


def test_a_damaged_part_is_logged_without_a_callback(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.put("log/day=2026-03-01/b.parquet", b"hello")
    with caplog.at_level(logging.WARNING):
        assert list(read_records(store)) == []
    assert "log/day=2026-03-01/b.parquet is passed over" in caplog.text


def test_parts_of_older_and_newer_schemas_are_read(store: Store) -> None:
    table = to_table(Record, records := make(3))
    old = table.select(["timestamp", "query", "intent", "confidence", "prediction_id"])
    newer = table.append_column("mood", pa.array(["good"] * 3))
    for name, some in (("old", old), ("newer", newer)):
        store.put(f"log/day=2026-03-01/{name}.parquet", encode(some, [(name, 3)]))
    tables = list(scan(store, Record, LONG_AGO, FAR))
    assert [table.column_names for table in tables] == [list(COLUMNS)] * 2
    assert tables[0].schema.equals(tables[1].schema)
    found = list(read_records(store))
    assert found[:3] == records
    assert found[3] == Record(
        records[0].timestamp, records[0].query, records[0].intent, 0.9, records[0].prediction_id
    )


def test_a_part_without_a_column_that_every_version_has_is_damaged(store: Store) -> None:
    table = to_table(Record, make(3)).drop_columns(["query"])
    store.put("log/day=2026-03-01/a.parquet", encode(table, [("a", 3)]))
    skipped: list[str] = []
    assert list(scan(store, Record, LONG_AGO, FAR, on_skip=lambda _, why: skipped.append(why))) == []
    assert "query" in skipped[0]


def test_what_was_forgotten_is_left_out_by_prediction_and_by_session(store: Store) -> None:
    session = "0123456789abcdef"
    records, others = make(5), make(3, session=session)
    write_part(store, Record, DAY, "a", records)
    write_part(store, Record, DAY, "b", others)
    write_part(store, Feedback, DAY, "f", [Feedback.of(r.prediction_id, True, now=NOON) for r in records])
    mark_forgotten(store, records[0].prediction_id, NOON)
    mark_forgotten(store, session, NOON)
    assert forgotten(store) == {records[0].prediction_id, session}
    assert stored(store) == Counter(ids(records[1:]))
    assert [t.column_names for t in scan(store, Record, LONG_AGO, FAR, ["intent"])] == [["intent"]]
    assert set(read_feedback(store, LONG_AGO, FAR)) == set(ids(records[1:]))
    assert json.loads(store.get(f"forgotten/{session}.json"))["when"] == "2026-03-01T12:00:00+00:00"


def compact(store: Store, name: str, parts: dict[str, list[Record]]) -> str:
    """As compaction puts it: one part with the rows of several."""
    table = pa.concat_tables([to_table(Record, records) for records in parts.values()])
    key = f"log/day={DAY}/{COMPACTED}{name}.parquet"
    store.put(key, encode(table, [(source, len(records)) for source, records in parts.items()]))
    return key


def test_rows_are_read_once_while_parts_and_what_they_were_compacted_to_both_exist(store: Store) -> None:
    parts = {name: make(4) for name in "abc"}
    for name, records in parts.items():
        write_part(store, Record, DAY, name, records)
    # Two compactions at once, of which one saw a part less, and a third that was made of the first.
    compact(store, "1", {name: parts[name] for name in "ab"})
    compact(store, "2", parts)
    compact(store, "3", {name: parts[name] for name in "ba"})
    assert stored(store) == Counter(ids([r for records in parts.values() for r in records]))


def test_a_reader_that_is_overtaken_by_compaction_sees_each_row_once(store: Store) -> None:
    parts = {name: make(4) for name in "abcd"}
    keys = [write_part(store, Record, DAY, name, records) for name, records in parts.items()]
    reading = scan(store, Record, LONG_AGO, FAR, ["prediction_id"])
    found = next(reading)["prediction_id"].to_pylist()
    compact(store, "1", parts)
    for key in keys:
        store.delete(key)
    for table in reading:
        found += table["prediction_id"].to_pylist()
    assert Counter(found) == Counter(ids([r for records in parts.values() for r in records]))


def test_a_damaged_compaction_does_not_hide_the_parts_that_are_still_there(store: Store) -> None:
    parts = {name: make(4) for name in "ab"}
    for name, records in parts.items():
        write_part(store, Record, DAY, name, records)
    key = compact(store, "1", parts)
    store.put(key, store.get(key)[:-10])
    assert stored(store) == Counter(ids([r for records in parts.values() for r in records]))


def test_a_record_of_a_replica_whose_clock_is_wrong_is_found_at_its_own_time(store: Store) -> None:
    early = make(1, NOON - timedelta(days=400))
    write_part(store, Record, early[0].timestamp.date(), "skewed", early)
    write_part(store, Record, DAY, "right", right := make(1))
    assert ids(list(read_records(store, NOON - timedelta(days=1), FAR))) == ids(right)
    assert stored(store) == Counter(ids(early + right))


def test_a_day_is_never_split_by_a_part_of_the_neighbouring_day(store: Store) -> None:
    late = [replace(record, timestamp=datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)) for record in make(1)]
    write_part(store, Record, DAY, "late", late)
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    assert len(list(scan(store, Record, LONG_AGO, midnight))) == 1
    assert len(list(scan(store, Record, midnight, FAR))) == 0
