"""Thresholds meet the target that was stated, on messages nobody tuned on; and metrics count what they say."""

import numpy as np
import pytest

from training.metrics import auroc, ece, recall_at_acceptance, risk, upper_bound
from training.thresholds import Judged, learn


def judged(rows: int, seed: int, error: float = 0.15) -> tuple[Judged, np.ndarray, np.ndarray]:
    """Messages whose confidence is honest, and out-of-scope ones with scope scores two deviations lower."""
    generator = np.random.default_rng(seed)
    confidence = 1 - generator.beta(0.5, 0.5 / error, rows)
    right = generator.random(rows) < confidence
    among = right | (generator.random(rows) < 0.8)
    inside = Judged(confidence, np.minimum(confidence + 0.2, 1), generator.normal(size=rows), right, among)
    return inside, generator.uniform(0.2, 0.9, rows // 10), generator.normal(-2.5, 1, rows // 10)


@pytest.mark.parametrize("seed", range(8))
def test_the_target_is_met_on_fresh_messages(seed: int) -> None:
    learned = learn(*judged(4_000, seed), target=0.03, share=0.1)
    assert learned.proved
    fresh, confidence, scope = judged(40_000, seed + 100)
    chosen = learned.thresholds
    answered = (fresh.confidence >= chosen.answer) & (fresh.scope >= chosen.scope)
    outside = ((confidence >= chosen.answer) & (scope >= chosen.scope)).mean()
    found = risk((answered & ~fresh.right).mean(), answered.mean(), outside, 0.1)
    assert found <= 0.03
    assert answered.mean() > 0.2


def test_too_few_rows_are_said_to_prove_nothing() -> None:
    learned = learn(*judged(40, 1), target=0.01, share=0.1)
    assert not learned.proved
    assert "Not proved" in learned.sentence


def test_without_out_of_scope_messages_a_stated_few_usual_ones_are_given_up() -> None:
    inside, _, _ = judged(4_000, 2)
    learned = learn(inside, np.empty(0), np.empty(0), target=0.03, share=0.1)
    assert learned.thresholds.scope == pytest.approx(np.quantile(inside.scope, 0.05))
    assert learned.proved


def test_a_stricter_target_answers_less() -> None:
    loose, strict = (learn(*judged(4_000, 3), target=target, share=0.1) for target in (0.05, 0.02))
    assert strict.coverage < loose.coverage


def test_ece_of_a_known_example() -> None:
    confidence = np.array([0.9, 0.9, 0.6, 0.6])
    right = np.array([True, True, True, False])
    assert ece(confidence, right, bins=2) == pytest.approx((0.1 * 2 + 0.1 * 2) / 4)


def test_auroc_counts_ties_half() -> None:
    assert auroc(np.array([1.0, 2.0]), np.array([0.0, 1.0])) == pytest.approx((1 + 0.5 + 1 + 1) / 4)


def test_recall_is_of_what_lies_below_the_accepted() -> None:
    assert recall_at_acceptance(np.arange(100.0), np.array([-1.0, 2.0, 50.0, 60.0])) == 0.5


def test_the_upper_bound_of_no_hit_in_a_hundred_is_three_percent() -> None:
    assert upper_bound(0, 100, 0.95) == pytest.approx(1 - 0.05 ** (1 / 100))
    assert upper_bound(5, 5, 0.95) == 1


def test_risk_weighs_out_of_scope_answers_by_their_stated_share() -> None:
    assert risk(0.01, 0.8, 0.1, 0.2) == pytest.approx((0.8 * 0.01 + 0.2 * 0.1) / (0.8 * 0.8 + 0.2 * 0.1))
