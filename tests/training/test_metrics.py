"""Scores of confidence and scope, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.model.evaluation.metrics import (
    auroc,
    ece,
    recall_at_acceptance,
    risk,
    risk_bound,
    risk_chance,
    upper_bound,
)


def test_a_classifier_that_keeps_its_word_has_no_calibration_error():
    confidence = np.repeat([0.5, 0.75], [4, 4])
    right = np.array([1, 1, 0, 0, 1, 1, 1, 0], dtype=bool)
    assert ece(confidence, right, bins=2) == pytest.approx(0.0)


def test_calibration_error_is_the_gap_of_each_bin_by_its_mass():
    # Bins {0.6, 0.7} with one of two right and {0.8, 0.9, 1.0}... are dealt as 3 and 2 rows: worked out by hand.
    confidence = np.array([0.6, 0.7, 0.8, 0.9, 1.0])
    right = np.array([0, 1, 1, 1, 0], dtype=bool)
    by_hand = 3 / 5 * abs(0.7 - 2 / 3) + 2 / 5 * abs(0.95 - 1 / 2)
    assert ece(confidence, right, bins=2) == pytest.approx(by_hand)


def test_the_order_of_the_messages_does_not_change_the_calibration_error():
    draw = np.random.default_rng(0)
    confidence = draw.permutation(np.linspace(0.2, 1, 100))
    right = draw.random(100) < confidence
    turned = draw.permutation(100)
    assert ece(confidence[turned], right[turned]) == pytest.approx(ece(confidence, right))


def test_auroc_counts_pairs_in_the_right_order_and_ties_half():
    assert auroc(np.array([0.9, 0.5]), np.array([0.5, 0.1])) == pytest.approx(3.5 / 4)


def test_recall_is_the_share_below_the_score_that_accepts_the_stated_share():
    inside = np.arange(1.0, 101.0)
    outside = np.array([0.0, 5.0, 6.5, 50.0])
    assert recall_at_acceptance(inside, outside, acceptance=0.95) == pytest.approx(2 / 4)


@pytest.mark.parametrize(
    ("hits", "trials", "bound"),
    [(0, 10, 0.2589), (1, 10, 0.3942), (10, 10, 1.0), (0, 0, 1.0), (0, 1000, 0.00299)],
)
def test_the_bound_of_a_rate_is_the_exact_one_of_clopper_and_pearson(hits: int, trials: int, bound: float):
    assert float(upper_bound(hits, trials, 0.95)) == pytest.approx(bound, rel=1e-2)


def test_an_answer_to_a_foreign_message_counts_as_wrong_at_the_stated_share():
    # 90 in scope, 81 answered, 9 of them wrong; 10 foreign, 5 answered: 14 wrong of 86 answers.
    found = risk(np.array(0.1), np.array(0.9), np.array(0.5), share=0.1)
    assert float(found) == pytest.approx((9 + 5) / (81 + 5))


def test_a_bot_that_answers_nothing_runs_no_risk():
    assert float(risk(np.array(0.0), np.array(0.0), np.array(0.0), share=0.1)) == 0.0


@pytest.mark.parametrize(("inside", "outside"), [(0.021, 0.0), (0.005, 0.13), (0.0, 0.18)])
def test_a_risk_just_above_the_target_is_taken_for_below_it_one_time_in_twenty(inside: float, outside: float):
    """Whatever part of it is answers to messages that belong to no intent."""
    share, rows, foreign = 0.1, 2_000, 300
    target = float(risk(np.asarray(inside), np.asarray(0.9), np.asarray(outside), share)) - 1e-6
    draw = np.random.default_rng(0)
    wrong, passed = draw.binomial(rows, inside, 2_000), draw.binomial(foreign, outside, 2_000)
    answered = np.full(2_000, int(0.9 * rows))
    taken = risk_chance(wrong, answered, rows, passed, foreign, share, target) <= 0.05
    assert 0 < taken.mean() <= 0.05 + 3 * (0.05 * 0.95 / 2_000) ** 0.5


def test_the_bound_of_a_risk_is_the_target_that_the_counts_just_prove():
    counts = (10, 1_800, 2_000, 2, 300, 0.1)
    bound = risk_bound(*counts, level=0.95)
    assert float(risk_chance(*counts, bound)) <= 0.05 < float(risk_chance(*counts, bound - 2e-4))
    assert float(risk(np.asarray(0.005), np.asarray(0.9), np.asarray(2 / 300), 0.1)) < bound


def test_without_messages_that_belong_to_no_intent_the_bound_is_clopper_and_pearsons():
    bound = risk_bound(10, 1_000, 1_000, 0, 0, 0.0, level=0.95)
    assert bound == pytest.approx(float(upper_bound(10, 1_000, 0.95)), abs=2e-4)


def test_where_nothing_is_answered_nothing_is_proved():
    assert risk_bound(0, 0, 1_000, 0, 300, 0.1, level=0.95) == 1
