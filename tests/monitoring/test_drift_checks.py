"""The arithmetic of the drift check: bounds that hold, counts that add up, samples that are uniform."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from chatbot.records.schema import Record, arrow_schema, to_row
from monitoring.drift.checks import Finding, ks_margin, mix_margin, share_margin
from monitoring.drift.columns import RecordColumns, of_table, to_table
from monitoring.drift.comparison import Comparison
from monitoring.drift.feedback import SCHEMA, Thumbs
from monitoring.drift.histograms import Grid, Tally, most_common
from monitoring.drift.kernel_test import LEAST_ROWS, Kernel
from monitoring.drift.window import Reservoir, sampled
from tests.monitoring.drift_traffic import NOW, traffic

DRAWS = 400
DOUBT = 0.02


def some(count: int, seed: int, new: float = 0.0) -> RecordColumns:
    return of_table(table_of(traffic(count, seed, NOW - timedelta(days=1), NOW, new)))


def table_of(records: Sequence[Record]) -> pa.Table:
    return pa.Table.from_pylist([to_row(record) for record in records], arrow_schema(Record))


@pytest.mark.parametrize(("effect", "red"), [(0.099, False), (0.1, False), (0.101, True)])
def test_a_check_is_red_as_soon_as_its_effect_exceeds_the_threshold(effect: float, red: bool) -> None:
    assert Finding("scope.low", statistic=0.3, effect=effect, threshold=0.1).red is red


def test_chance_stays_within_the_bounds_as_often_as_they_promise() -> None:
    generator = np.random.default_rng(3)
    n, m, mix = 300, 900, np.array([0.6, 0.3, 0.08, 0.02])
    beyond = {"ks": 0, "share": 0, "mix": 0}
    for _ in range(DRAWS):
        one, other = generator.random(n), generator.random(m)
        grid = np.linspace(0, 1, 200)
        distance = np.abs(np.searchsorted(np.sort(one), grid) / n - np.searchsorted(np.sort(other), grid) / m)
        beyond["ks"] += distance.max() > ks_margin(n, m, DOUBT)
        a, b = generator.multinomial(n, mix), generator.multinomial(m, mix)
        beyond["share"] += abs(a[2] / n - b[2] / m) > share_margin(a[2:3], n, b[2:3], m, DOUBT)[0]
        beyond["mix"] += np.abs(a / n - b / m).sum() / 2 > mix_margin((a + b) / (n + m), n, m, DOUBT)
    assert max(beyond.values()) <= 4 * DOUBT * DRAWS / 2, beyond
    # A bound that nothing ever comes near finds nothing either.
    assert ks_margin(n, m, DOUBT) < 0.12
    assert mix_margin(mix, n, m, DOUBT) < 0.15


def test_a_window_counted_in_parts_is_the_window_counted_at_once() -> None:
    grid = Grid.of(some(1_000, 1))
    whole = some(700, 2)
    parts = Tally(grid)
    for start in range(0, 700, 90):
        parts.add(whole.part(np.arange(start, min(start + 90, 700))))
    once = Tally.of(grid, whole)
    assert all((parts.counts[name] == once.counts[name]).all() for name in once.counts)
    assert (parts.rows, parts.handoffs, parts.intents) == (once.rows, once.handoffs, once.intents)
    assert parts.topic_intents == once.topic_intents
    assert all(once.total(name) == 700 for name in once.counts)


def test_a_table_keeps_the_values_of_its_records_and_a_baseline_survives_its_file() -> None:
    records = traffic(50, 4, NOW - timedelta(days=1), NOW)
    read = of_table(table_of(records))
    for columns in (read, of_table(to_table(read))):
        assert columns.intents.tolist() == [record.intent for record in records]
        assert columns.handoff is not None
        assert columns.handoff.tolist() == [record.handoff for record in records]
        assert np.allclose(columns.summary, [record.summary for record in records])
        assert all(
            np.allclose(values, [getattr(record, name) for record in records])
            for name, values in columns.numbers.items()
        )


def test_what_a_rule_decided_says_nothing_of_confidence_and_scope() -> None:
    records = traffic(2, 4, NOW - timedelta(days=1), NOW)
    table = pa.Table.from_pylist(
        [to_row(records[0]), to_row(records[1]) | {"scope": None, "summary": [], "confidence": 1.0}],
        arrow_schema(Record),
    )
    columns = of_table(table)
    assert np.isnan(columns.numbers["confidence"]).tolist() == [False, True]
    assert np.isnan(columns.summary[1]).all()
    assert Tally.of(Grid.of(some(500, 1)), columns).total("scope") == 1


def test_the_joint_check_sees_a_new_kind_that_no_single_number_shows() -> None:
    side = Comparison(some(2_000, 1))
    for share, red in ((0.0, False), (0.1, True)):
        window = some(1_000, 7, share)
        found = {finding.name: finding for finding in side.judge(Tally.of(side.grid, window), window)}
        assert found["messages"].red is red
        assert not found["intent"].red


def test_a_new_kind_is_counted_by_its_size() -> None:
    kernel = Kernel(some(2_000, 1))
    for share, low, high in ((0.0, 0.0, 0.04), (0.1, 0.06, 0.14)):
        found = kernel.furthest(some(1_000, 7, share))
        assert found is not None
        assert low <= found.hits / found.records <= high
        assert (found.before, found.size) == (40, 2_000)
    assert kernel.furthest(some(LEAST_ROWS - 1, 7)) is None


def test_a_direction_learned_of_chance_finds_no_new_kind() -> None:
    side = Comparison(some(2_000, 1))
    for seed in range(20, 30):
        window = some(600, seed)
        found = {finding.name: finding for finding in side.judge(Tally.of(side.grid, window), window)}
        assert found["new_kind"].effect < 0.03, "who is counted had no part in the direction"
        assert not found["new_kind"].red


def test_the_sample_of_a_stream_is_uniform_and_that_of_its_parts_merged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monitoring.drift.window.SAMPLE", 100)
    counts = np.zeros(10)
    for trial in range(60):
        whole, shards = Reservoir(), (Reservoir(), Reservoir())
        for part in range(10):
            ids = [f"{trial}-{part}-{row}" if part else "" for row in range(200)]
            times = pa.array(range(200 * trial, 200 * trial + 200), pa.timestamp("ms", tz="UTC"))
            table = pa.table({"part": [part] * 200, "prediction_id": ids, "timestamp": times})
            whole.add(table)
            shards[part % 2].add(table)
        taken = whole.taken()
        assert taken is not None
        assert taken.num_rows == 100
        assert taken == sampled(list(filter(None, (shard.taken() for shard in shards))))
        counts += np.bincount(taken["part"].to_numpy(), minlength=10)
    assert abs(counts / counts.sum() - 0.1).max() < 0.02


def test_thumbs_are_joined_by_prediction() -> None:
    said = [
        ("c", 1, False),
        ("a", 1, True),
        ("z", 1, False),
        ("e", 5, True),
        ("e", 2, False),
        ("0", 1, False),
    ]
    columns = dict(zip(SCHEMA.names, map(list, zip(*said, strict=True)), strict=True))
    thumbs = Thumbs.of([pa.table(columns).cast(SCHEMA), SCHEMA.empty_table()])
    assert len(thumbs) == 5, "of two thumbs for one answer the later counts"
    joined = thumbs.join(pa.table({"prediction_id": ["e", "a", "b", "c"]}))
    assert joined["negative"].to_pylist() == [False, False, None, True]
    assert thumbs.join(joined.select(["prediction_id"])[:0])["negative"].type == pa.bool_()
    nothing = Thumbs.of([]).join(joined.select(["prediction_id"]))
    assert nothing["negative"].to_pylist() == [None] * 4


def test_of_thumbs_in_several_parts_the_latest_counts_in_whatever_order_the_parts_are_read() -> None:
    generator = np.random.default_rng(0)
    ids = [str(number) for number in generator.integers(0, 500, 2_000)]
    times, helpful = generator.permutation(2_000), generator.random(2_000) < 0.5
    said = pa.table({"prediction_id": ids, "timestamp": times, "helpful": helpful}).cast(SCHEMA)
    last = {ids[row]: not helpful[row] for row in np.argsort(times)}
    thumbs = Thumbs.of([said[start : start + 300] for start in range(0, 2_000, 300)])
    asked = [str(number) for number in range(600)]
    joined = thumbs.join(pa.table({"prediction_id": asked}))
    assert len(thumbs) == len(last)
    assert joined["negative"].to_pylist() == [last.get(one) for one in asked]


def test_names_of_equal_counts_are_in_the_same_order_however_they_were_read() -> None:
    read = Counter({"get_refund": 3, "cancel_order": 5, "change_shipping_address": 3})
    assert most_common(read, 2) == [("cancel_order", 5), ("change_shipping_address", 3)]
    assert most_common(Counter(dict(reversed(read.items()))), 2) == most_common(read, 2)
