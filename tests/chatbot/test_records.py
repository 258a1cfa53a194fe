"""What is written of an answer is what is read of it: by this code, by other versions, by a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.dialog.router import Alternative, Prediction, Reply
from chatbot.ids import new_id, time_of
from chatbot.records.schema import (
    COLUMNS,
    SCHEMA_VERSION,
    Feedback,
    Record,
    arrow_schema,
    features,
    from_line,
    from_row,
    header,
    to_line,
    to_row,
)

KEY = b"k" * 32
ALTERNATIVES = (Alternative("get_refund", 0.91234567, "Refund"), Alternative("track_refund", 0.05))
REPLY = Reply(
    "get_refund",
    "Here you go.",
    0.91234567,
    "model",
    ALTERNATIVES[:1],
    prediction=Prediction(ALTERNATIVES, -3.14159265, [0.123456, -0.2, 0.0, 1, 2, 3, 4, 5]),
)

decimals = st.floats(-1e6, 1e6).map(lambda value: round(value, 4))
one_line = st.text().map(lambda text: re.sub(r"[\r\n]+", " ", text).encode("utf-8", "replace").decode())
rows = st.builds(
    Record,
    timestamp=st.datetimes(
        datetime(1970, 1, 1),
        datetime(9998, 1, 1),
        timezones=st.just(UTC),
    ).map(lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)),
    query=one_line,
    intent=one_line,
    confidence=decimals,
    prediction_id=one_line,
    session_id=one_line,
    model_version=one_line,
    source=one_line,
    rule=one_line,
    scope=st.none() | decimals,
    handoff=st.booleans(),
    alternatives=st.dictionaries(one_line, decimals, max_size=5).map(lambda pairs: tuple(pairs.items())),
    chars=st.integers(0, 10_000),
    words=st.integers(0, 10_000),
    non_letter_share=decimals,
    upper_share=decimals,
    summary=st.lists(st.floats(-9, 9).map(lambda value: round(value, 4)), max_size=8).map(tuple),
    latency_ms=decimals,
    bundle_digest=one_line,
)


def record(message: str = "I want a refund", **fields: object) -> Record:
    return Record.of(REPLY, message, new_id(KEY), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("session_id", ["", "0123456789abcdef", "jane@example.com"])
def test_the_record_of_a_repeat_is_that_of_its_message(session_id: str) -> None:
    prediction_id = new_id(KEY)
    own = {"session_id": session_id, "latency_ms": 1.234}
    expected = Record.of(REPLY, "I want a refund", prediction_id, model_version="7", **own)  # type: ignore[arg-type]
    earlier = record(model_version="7", session_id="fedcba9876543210", latency_ms=99.0)
    assert earlier.again(prediction_id, **own) == expected  # type: ignore[arg-type]


@settings(deadline=None)
@given(rows)
def test_what_is_written_as_csv_is_read_again(row: Record) -> None:
    assert from_line(Record, to_line(row)) == row


@settings(deadline=None)
@given(rows)
def test_a_record_is_one_line_whatever_it_holds(row: Record) -> None:
    line = to_line(replace(row, query=row.query + "\r\n\n=1", rule="a\nb"))
    assert line.endswith("\n")
    assert not re.search(r"[\r\n]", line[:-1])


@settings(deadline=None)
@given(rows)
def test_no_text_in_the_file_is_a_formula_to_a_spreadsheet(row: Record) -> None:
    cells = next(csv.reader([to_line(row)]))
    for name, cell in zip(COLUMNS, cells, strict=True):
        if isinstance(getattr(row, name), str):
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))


@pytest.mark.parametrize(
    "query", ["=1+1", "+49", "-2 items", "@all", "'=1", "''=1", "'quoted'", "'", "=", "\t=1"]
)
def test_a_text_that_was_defused_is_read_as_it_was(query: str) -> None:
    row = replace(record(), query=query)
    assert from_line(Record, to_line(row)).query == query


@settings(deadline=None, max_examples=50)
@given(st.lists(rows, max_size=5))
def test_what_is_written_as_parquet_is_read_again(written: list[Record]) -> None:
    table = pa.Table.from_pylist([to_row(row) for row in written], arrow_schema(Record))
    file = io.BytesIO()
    pq.write_table(table, file)
    read = pq.read_table(file)
    assert [from_row(Record, row) for row in read.to_pylist()] == written
    assert read.schema.metadata[b"schema_version"] == str(SCHEMA_VERSION).encode()
    assert tuple(read.schema.names) == COLUMNS


def test_the_first_four_columns_are_those_of_the_contract(tmp_path: Path) -> None:
    assert header(Record).startswith("timestamp,query,intent,confidence,prediction_id,")
    file = tmp_path / "log.csv"
    written = [record(f'message {number}, =1 "quoted", a\nb') for number in range(3)]
    file.write_text(header(Record) + "".join(map(to_line, written)), encoding="utf-8")
    table = pd.read_csv(file, parse_dates=["timestamp"])
    assert list(table.columns) == list(COLUMNS)
    assert list(table["confidence"]) == [0.9123] * 3
    assert list(table["timestamp"]) == [row.timestamp for row in written]
    assert list(table["handoff"]) == [False] * 3


def test_a_log_of_the_first_four_columns_is_read() -> None:
    line = "2024-05-01T10:00:00.123456,where is it,track_order,0.93"
    row = from_line(Record, line, ["timestamp", "query", "intent", "confidence"])
    assert row == Record(datetime(2024, 5, 1, 10, 0, 0, 123456, UTC), "where is it", "track_order", 0.93)


def test_a_log_of_newer_code_is_read_without_what_this_code_does_not_know() -> None:
    row = record()
    line = to_line(row).rstrip("\n") + ",something new\n"
    assert from_line(Record, line, [*COLUMNS, "mood"]) == row
    assert from_row(Record, to_row(row) | {"mood": "good"}) == row


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x",
        '"open quote',
        "2024-05-01T10:00:00Z,a,b",
        "yesterday,a,b,0.5",
        "2024-05-01T10:00:00Z,a,b,much",
        "2024-05-01T10:00:00Z,a,b,0.5,too many",
        '2024-05-01T10:00:00Z,"a" b,c,0.5',
    ],
)
def test_a_line_that_is_not_a_record_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        from_line(Record, line, ["timestamp", "query", "intent", "confidence"])
    with pytest.raises(ValueError):
        from_line(Record, line)


def test_a_file_without_the_first_four_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="no record"):
        from_line(Record, "hello", ["query"])


def test_a_line_cut_at_any_place_is_refused_or_lacks_only_the_end() -> None:
    row = record()
    line = to_line(row).rstrip("\n")
    for end in range(len(line) - 1):
        with pytest.raises(ValueError):
            from_line(Record, line[:end])


def test_a_record_holds_no_personal_data_of_message_or_session() -> None:
    row = record("I am John Smith, john@example.com, order 48213", session_id="john@example.com")
    assert row.query == "I am <NAME>, <EMAIL>, order <ORDER>"
    assert re.fullmatch("[0-9a-z]{16}", row.session_id)
    assert record(session_id="0123456789abcdef").session_id == "0123456789abcdef"
    assert record(session_id="").session_id == ""


def test_a_record_says_what_the_bot_did() -> None:
    row = record(model_version="v1", latency_ms=12.3456)
    assert row.timestamp == time_of(row.prediction_id)
    assert (row.intent, row.confidence, row.source, row.rule) == ("get_refund", 0.9123, "model", "")
    assert (row.scope, row.handoff, row.model_version, row.latency_ms) == (-3.1416, False, "v1", 12.35)
    assert row.alternatives == (("get_refund", 0.9123), ("track_refund", 0.05))
    assert row.summary == (0.1235, -0.2, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0)


def test_a_rule_s_record_has_no_scope_and_no_summary() -> None:
    reply = Reply("complaint", "A person will answer.", 1.0, "rule", handoff=True, rule="legal_threat")
    row = Record.of(reply, "I will sue you", new_id(KEY))
    assert (row.scope, row.summary, row.rule, row.handoff) == (None, (), "legal_threat", True)
    assert from_line(Record, to_line(row)) == row


def test_features_are_of_the_message_before_it_is_redacted() -> None:
    row = record("I am John Smith!")
    assert (row.chars, row.words, row.non_letter_share, row.upper_share) == (16, 4, 0.0625, 0.25)


@settings(deadline=None)
@given(st.text())
def test_every_message_has_features(message: str) -> None:
    found = features(message)
    assert 0 <= found.non_letter_share <= 1
    assert 0 <= found.upper_share <= 1
    assert (found.chars, found.words) == (len(message), len(message.split()))


def test_feedback_is_redacted_cleaned_and_cut() -> None:
    said = Feedback.of("id", False, "x" * 100, "call me\x00 on +1 555 010 0199 " + "y" * 9_000)
    assert said.comment.startswith("call me on <PHONE> y")
    assert (len(said.intent), len(said.comment) <= 4_000) == (64, True)
    assert from_line(Feedback, to_line(said)) == said
    assert header(Feedback) == "timestamp,prediction_id,helpful,intent,comment,schema_version\n"


@pytest.mark.process
def test_serving_reads_and_writes_records_without_loading_pyarrow() -> None:
    code = "import sys, chatbot.records.schema; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
