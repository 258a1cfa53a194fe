"""Known and open intents: thresholds learned on training rows, and the F1 of refusing."""

from __future__ import annotations

import numpy as np
import pytest

from chatbot.model.classifier import Scores
from tools.bench.quality.open_intents import best_pair
from tools.bench.quality.taught import best_boundary, refusal_f1


def scores(confidence: list[float], scope: list[float]) -> Scores:
    sure = np.asarray(confidence, dtype=np.float32)
    return Scores(np.stack([sure, 1 - sure], axis=1), np.asarray(scope, dtype=np.float32))


def test_the_pair_separates_what_either_score_alone_cannot() -> None:
    inside = scores([0.9, 0.95, 0.9, 0.92], [0.8, 0.9, 0.85, 0.8])
    outside = scores([0.99, 0.6], [0.2, 0.9])
    at = best_pair(inside, np.ones(4, dtype=bool), outside)
    assert 0.2 < at.scope <= 0.8 + 1e-6
    assert 0.6 < at.answer <= 0.9 + 1e-6


def test_a_wrong_first_choice_is_no_reason_to_answer() -> None:
    inside = scores([0.6, 0.6, 0.9, 0.9], [0.8, 0.8, 0.8, 0.8])
    outside = scores([0.7], [0.8])
    assert best_pair(inside, np.array([False, False, True, True]), outside).answer > 0.7


def test_f1_of_refusing_counts_both_kinds_of_errors() -> None:
    inside, outside = np.array([0.1, 0.6, 0.7, 0.8]), np.array([0.05, 0.2, 0.65])
    # Of three out-of-scope messages two are refused, and one of the four in scope: precision and recall 2/3.
    assert refusal_f1(inside, outside, 1.0, 0.5) == pytest.approx(2 / 3)
    # Each counts twice: precision 4/5, recall 2/3.
    assert refusal_f1(inside, outside, 2.0, 0.5) == pytest.approx(2 * 0.8 * (2 / 3) / (0.8 + 2 / 3))


def test_the_boundary_moves_up_where_more_messages_are_out_of_scope() -> None:
    inside, outside = np.linspace(0.3, 1, 50), np.linspace(0, 0.7, 50)
    assert best_boundary(inside, outside, 0.05) < best_boundary(inside, outside, 5.0)
