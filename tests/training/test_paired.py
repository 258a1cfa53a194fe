"""Exact tests and bootstrap against values worked out by hand, by scipy, or by the slow way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from training.gate.paired import Paired, ece_if_calibrated, holm, macro_f1_difference, mcnemar
from training.model.evaluation.metrics import ece
from training.model.evaluation.outcome import macro_f1


@pytest.mark.parametrize(
    ("regressions", "fixes"), [(0, 0), (1, 0), (0, 6), (9, 2), (2, 9), (7, 7), (300, 240)]
)
def test_the_exact_test_is_the_binomial_test_of_the_pairs_that_differ(regressions: int, fixes: int) -> None:
    expected = binomtest(regressions, regressions + fixes, 0.5).pvalue if regressions + fixes else 1.0
    assert mcnemar(regressions, fixes) == pytest.approx(expected)


def test_pairs_are_counted_in_their_direction() -> None:
    champion = np.array([1, 1, 1, 0, 0], dtype=bool)
    challenger = np.array([1, 0, 0, 1, 0], dtype=bool)
    found = Paired.of(champion, challenger)
    assert (found.messages, found.champion, found.challenger) == (5, 3, 2)
    assert (found.regressions, found.fixes, found.worse) == (2, 1, True)
    assert found.p == pytest.approx(1.0)
    assert not Paired.of(challenger, champion).worse


def test_a_group_votes_for_its_net_change() -> None:
    champion = np.array([1, 1, 1, 0, 0, 1], dtype=bool)
    challenger = np.array([0, 0, 1, 1, 1, 0], dtype=bool)
    found = Paired.of(champion, challenger, np.array([0, 0, 1, 1, 2, 2]))
    assert (found.regressions, found.fixes, found.messages) == (1, 1, 6)


def test_holm_multiplies_the_smallest_most_and_never_falls() -> None:
    # Worked out by hand: .01 * 4, .02 * 3, then .03 * 2 and .04, neither below what came before.
    assert holm([0.03, 0.01, 0.04, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.5]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


def test_holm_keeps_the_error_over_all_tests_at_its_level() -> None:
    draw = np.random.default_rng(0)
    alarms = sum(bool((holm(draw.random(30).tolist()) < 0.05).any()) for _ in range(2_000))
    assert 60 < alarms < 140


def answers(
    count: int, skills: tuple[float, float], seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A truth of five labels, unevenly dealt, and two who are right with these probabilities."""
    draw = np.random.default_rng(seed)
    labels = np.array(["a", "b", "c", "d", "rare"])
    truth = labels[draw.choice(5, count, p=[0.3, 0.3, 0.2, 0.18, 0.02])]
    sides = [
        np.where(draw.random(count) < skill, truth, labels[draw.integers(0, 5, count)]) for skill in skills
    ]
    return truth, sides[0], sides[1]


def test_the_difference_is_that_of_macro_f1() -> None:
    truth, champion, challenger = answers(400, (0.9, 0.8))
    found = macro_f1_difference(truth, champion, challenger, draws=100, seed=0)
    assert found.value == pytest.approx(macro_f1(truth, challenger) - macro_f1(truth, champion))


def test_a_label_that_only_predictions_have_is_not_averaged() -> None:
    truth, champion, challenger = answers(400, (0.9, 0.8))
    challenger = np.where(np.arange(400) % 7 == 0, "unheard of", challenger)
    found = macro_f1_difference(truth, champion, challenger, draws=100, seed=0)
    assert found.value == pytest.approx(macro_f1(truth, challenger) - macro_f1(truth, champion))


def slow_macro_f1(truth: np.ndarray, said: np.ndarray) -> float:
    """The definition, label by label; scikit-learn's takes thirty times as long for a few messages."""
    scores = []
    for label in np.unique(truth):
        meant, given = truth == label, said == label
        scores.append(2 * (meant & given).sum() / (meant.sum() + given.sum()))
    return float(np.mean(scores))


def test_the_interval_is_that_of_drawing_messages_one_by_one() -> None:
    truth, champion, challenger = answers(300, (0.9, 0.85), seed=1)
    assert slow_macro_f1(truth, champion) == pytest.approx(macro_f1(truth, champion))
    assert slow_macro_f1(truth, challenger) == pytest.approx(macro_f1(truth, challenger))
    found = macro_f1_difference(truth, champion, challenger, draws=4_000, seed=0)
    draw = np.random.default_rng(5)
    slow = []
    labels = np.unique([truth, champion, challenger])
    numbers = [np.searchsorted(labels, side) for side in (truth, champion, challenger)]
    for _ in range(1_500):
        rows = draw.integers(0, len(truth), len(truth))
        meant, before, after = (side[rows] for side in numbers)
        slow.append(slow_macro_f1(meant, after) - slow_macro_f1(meant, before))
    low, high = np.quantile(slow, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.012)
    assert found.high == pytest.approx(high, abs=0.012)


def test_the_interval_is_that_of_drawing_whole_groups() -> None:
    truth, champion, challenger = answers(300, (0.9, 0.85), seed=1)
    groups = np.random.default_rng(7).integers(0, 80, 300)
    found = macro_f1_difference(truth, champion, challenger, draws=4_000, seed=0, groups=groups)
    draw = np.random.default_rng(5)
    weight = 1 / np.bincount(groups)[groups]
    slow = []
    labels = np.unique(truth)
    for _ in range(1_500):
        each = weight * np.bincount(draw.integers(0, 80, 80), minlength=80)[groups]
        f1 = [
            [
                2
                * each[(truth == one) & (said == one)].sum()
                / (each[truth == one].sum() + each[said == one].sum())
                for one in labels
                if each[truth == one].any()
            ]
            for said in (champion, challenger)
        ]
        slow.append(np.mean(f1[1]) - np.mean(f1[0]))
    assert [found.low, found.high] == pytest.approx(np.quantile(slow, [0.025, 0.975]), abs=0.015)


def test_the_bootstrap_is_paired() -> None:
    """What is hard for both widens nothing: two who say the same differ by nothing, surely."""
    truth, champion, _ = answers(200, (0.6, 0.6), seed=2)
    same = macro_f1_difference(truth, champion, champion.copy(), draws=500, seed=0)
    assert (same.low, same.value, same.high) == (0, 0, 0)


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    sides = answers(300, (0.9, 0.8))
    first, again, other = (macro_f1_difference(*sides, draws=500, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_the_draws_do_not_depend_on_how_many_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = answers(300, (0.9, 0.8))
    whole = macro_f1_difference(*sides, draws=500, seed=3)
    monkeypatch.setattr("training.gate.paired._CELLS", 4_000)
    assert macro_f1_difference(*sides, draws=500, seed=3) == whole


def test_the_error_of_a_calibrated_model_is_that_of_drawing_its_labels() -> None:
    draw = np.random.default_rng(0)
    confidence = draw.beta(5, 1, 333)
    fast = ece_if_calibrated(confidence, draws=1_000, seed=1)
    slow = [ece(confidence, draw.random(333) < confidence) for _ in range(1_000)]
    assert fast.shape == (1_000,)
    assert fast.mean() == pytest.approx(np.mean(slow), rel=0.05)
    assert np.quantile(fast, 0.95) == pytest.approx(np.quantile(slow, 0.95), rel=0.1)


def test_a_calibrated_models_error_falls_with_more_rows_and_few_rows_are_allowed() -> None:
    draw = np.random.default_rng(0)
    few, many = (ece_if_calibrated(draw.beta(5, 1, rows), 200, 0).mean() for rows in (100, 10_000))
    assert few > 5 * many
    assert ece_if_calibrated(np.array([1.0]), 100, 0).max() == 0
