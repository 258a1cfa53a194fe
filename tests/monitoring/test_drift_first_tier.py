"""The drift check compares what a first tier did not select."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa

from chatbot.dialog.router import FIRST, FULL, SAMPLED
from chatbot.records.schema import Record, arrow_schema, from_line, to_line, to_row
from monitoring.drift.columns import of_table
from tests.monitoring.drift_traffic import NOW, traffic

TIERS = ("", FIRST, FULL, SAMPLED)


def _records() -> list[Record]:
    made = traffic(40, 3, NOW - timedelta(hours=1), NOW)
    return [replace(record, tier=TIERS[row % 4]) for row, record in enumerate(made)]


def test_scores_and_embeddings_count_for_sampled_messages_and_for_those_without_a_tier() -> None:
    rows = [to_row(record) for record in _records()]
    columns = of_table(pa.Table.from_pylist(rows, arrow_schema(Record)))
    expected = [TIERS[row % 4] in ("", SAMPLED) for row in range(40)]
    for numbers in (columns.numbers["scope"], columns.numbers["confidence"], columns.summary[:, 0]):
        assert (~np.isnan(numbers)).tolist() == expected
    assert not np.isnan(columns.numbers["chars"]).any()
    assert len(columns.intents) == 40


def test_the_tier_is_read_back_from_csv() -> None:
    [record] = traffic(1, 3, NOW - timedelta(hours=1), NOW)
    assert from_line(Record, to_line(replace(record, tier=SAMPLED))).tier == SAMPLED
