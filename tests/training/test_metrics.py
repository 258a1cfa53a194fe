"""Scores of confidence and scope, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.metrics import auroc, ece, recall_at_acceptance, risk, upper_bound


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


def test_recall_is_what_lies_below_the_score_that_accepts_the_stated_share():
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
