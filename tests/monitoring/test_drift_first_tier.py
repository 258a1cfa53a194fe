"""The drift check compares what a first tier did not select."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa

from chatbot.dialog.router import FIRST, FULL, SAMPLED
from chatbot.model.first_tier import is_sampled
from chatbot.records.schema import COLUMNS, Record, arrow_schema, from_line, to_line, to_row
from monitoring.drift.columns import RecordColumns, of_table
from monitoring.drift.comparison import Comparison
from monitoring.drift.histograms import Tally
from tests.monitoring.drift_traffic import NEW, NOW, traffic

TIERS = ("", FIRST, FULL, SAMPLED)


def _records() -> list[Record]:
    made = traffic(40, 3, NOW - timedelta(hours=1), NOW)
    return [replace(record, tier=TIERS[row % 4]) for row, record in enumerate(made)]


def _columns(records: list[Record]) -> RecordColumns:
    return of_table(pa.Table.from_pylist([to_row(record) for record in records], arrow_schema(Record)))


def test_scores_and_embeddings_count_for_sampled_messages_and_for_those_without_a_tier() -> None:
    columns = _columns(_records())
    expected = [TIERS[row % 4] in ("", SAMPLED) for row in range(40)]
    for numbers in (columns.numbers["scope"], columns.numbers["confidence"], columns.summary[:, 0]):
        assert (~np.isnan(numbers)).tolist() == expected
    assert not np.isnan(columns.numbers["chars"]).any()
    assert len(columns.intents) == 40


def test_the_tier_is_read_back_from_csv() -> None:
    [record] = traffic(1, 3, NOW - timedelta(hours=1), NOW)
    assert from_line(Record, to_line(replace(record, tier=SAMPLED))).tier == SAMPLED


def _tiered(count: int, seed: int, new: float = 0.0) -> RecordColumns:
    """Traffic whose known messages the tier answers, and whose new kind goes to the full model, but for the sample."""
    records = []
    for record in traffic(count, seed, NOW - timedelta(days=1), NOW, new):
        if is_sampled(record.query):
            records.append(replace(record, tier=SAMPLED))
        elif record.query.startswith(NEW):
            records.append(replace(record, tier=FULL))
        else:
            records.append(replace(record, tier=FIRST, confidence=0.99, scope=0.95, summary=()))
    return _columns(records)


def test_the_check_sees_no_seam_between_a_baseline_without_a_tier_and_a_window_with_one() -> None:
    side = Comparison(_columns(traffic(2_000, 1, NOW - timedelta(days=1), NOW)))
    for share, red in ((0.0, False), (0.1, True)):
        window = _tiered(8_000, 7, share)
        found = {finding.name: finding for finding in side.judge(Tally.of(side.grid, window), window)}
        assert found["messages"].red is red
        assert [name for name, finding in found.items() if finding.red and share == 0] == []


def test_a_log_of_schema_version_2_is_read_without_a_tier_and_compared() -> None:
    [record] = traffic(1, 3, NOW - timedelta(hours=1), NOW)
    columns = [name for name in COLUMNS if name != "tier"]
    line = to_line(replace(record, schema_version=2)).rstrip("\n").rsplit(",", 1)[0]
    old = from_line(Record, line, columns)
    assert old == replace(record, schema_version=2)
    assert not np.isnan(_columns([old]).numbers["scope"]).any()
