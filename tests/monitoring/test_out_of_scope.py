"""The share of messages out of scope, estimated from mixtures whose share is known."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chatbot.loop.drift_verdict import DriftVerdict, OutOfScopeShare, Window
from monitoring.drift.columns import NUMBERS, SUMMARY_AXES, RecordColumns
from monitoring.drift.histograms import Grid, Tally
from monitoring.drift.out_of_scope import out_of_scope_share
from monitoring.drift.report.metrics import of
from monitoring.drift.report.page import page
from training.model.operating_points import ScopeCut

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def records(scope: NDArray[np.float64]) -> RecordColumns:
    numbers = {name: scope if name == "scope" else np.ones(len(scope)) for name in NUMBERS}
    summary = np.zeros((len(scope), SUMMARY_AXES), np.float32)
    return RecordColumns(numbers, summary, np.full(len(scope), "refund", dtype=object))


def inside(count: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0.9, 0.1, count)


def outside(count: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0.5, 0.2, count)


def target(learned_for: float = 0.1) -> dict[str, Any]:
    cut = ScopeCut.of(inside(4_000, 1), outside(700, 2))
    assert cut is not None
    return {"target": 0.02, "share": learned_for, "out_of_scope": {"cut": cut.cut, "below": cut.below}}


def estimate(
    share: float, size: int = 2_000, promise: dict[str, Any] | None = None
) -> OutOfScopeShare | None:
    reference = records(inside(4_000, 1))
    grid = Grid.of(reference)
    strange = round(share * size)
    window = records(np.concatenate([inside(size - strange, 3), outside(strange, 4)]))
    return out_of_scope_share(promise or target(), Tally.of(grid, reference), Tally.of(grid, window))


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.2, 0.5, 0.7, 1.0])
def test_the_share_of_a_mixture_is_estimated(share: float) -> None:
    found = estimate(share)
    assert found is not None
    assert found.share == pytest.approx(share, abs=0.03)
    assert found.at_least <= found.share
    assert found.exceeds == (share > 0.1)


def test_a_share_above_what_was_learned_for_is_said_with_what_to_do() -> None:
    found = estimate(0.5)
    assert found is not None
    assert "learned for 10%" in found.sentence
    asked = re.search(r"out_of_scope_share: ([\d.]+)", found.sentence)
    assert asked
    assert found.share <= float(asked[1]) <= found.share + 0.01
    within = estimate(0.5, promise=target(0.5))
    assert within is not None
    assert not within.exceeds
    assert "declare" not in within.sentence.lower()


def test_few_messages_above_the_share_may_be_chance() -> None:
    few, many = estimate(0.15, size=60), estimate(0.15, size=6_000)
    assert few is not None
    assert many is not None
    assert not few.exceeds
    assert many.exceeds


@pytest.mark.parametrize(
    "promise",
    [
        {},
        {"target": 0.02, "share": 0.1, "out_of_scope": {"own": 3}},
        target() | {"out_of_scope": {"cut": 0.9, "below": 0.5}},
    ],
    ids=["no bundle", "an older bundle", "a cut that does not separate"],
)
def test_without_a_cut_that_separates_nothing_is_estimated(promise: dict[str, Any]) -> None:
    assert estimate(0.5, promise=promise or {"other": 1}) is None


def test_scores_of_one_side_alone_give_no_cut() -> None:
    assert ScopeCut.of(inside(10, 1), np.empty(0)) is None
    assert ScopeCut.of(np.empty(0), outside(10, 1)) is None


def test_the_page_and_the_metrics_have_the_estimate() -> None:
    verdict = DriftVerdict(
        verdict="green",
        made=NOW,
        model_version="3",
        bundle_digest="a",
        window=Window(since=NOW, until=NOW, records=2_000),
        out_of_scope=estimate(0.5),
    )
    assert verdict.out_of_scope is not None
    assert "and the thresholds were learned for 10%" in page(verdict, evidently="", notes=[])
    registry = of(verdict, NOW)
    assert registry.get_sample_value("chatbot_drift_out_of_scope_share") == verdict.out_of_scope.share
    assert (
        registry.get_sample_value("chatbot_drift_out_of_scope_lower_bound") == verdict.out_of_scope.at_least
    )
    assert registry.get_sample_value("chatbot_drift_out_of_scope_learned_for") == 0.1
    silent = of(verdict.model_copy(update={"out_of_scope": None}), NOW)
    assert silent.get_sample_value("chatbot_drift_out_of_scope_share") is None
