from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from chatbot.dialog.router import Thresholds
from chatbot.model.first_tier import TierScores, TierThresholds
from training.model.first_tier import (
    MOST_EXTRA,
    MOST_FOREIGN_BOUND,
    MOST_LOST,
    Paired,
    cluster_folds,
    learn_thresholds,
)
from training.model.thresholds import Learned, judged, learn

ROWS, FOREIGN = 6_000, 1_000
INTENTS = 5


def scores(
    first: NDArray[np.int64], confidence: float | NDArray[np.float64], agree: bool = True
) -> TierScores:
    rows = np.arange(len(first))
    probabilities = np.empty((len(first), INTENTS), dtype=np.float32)
    probabilities[:] = np.reshape((1 - np.broadcast_to(confidence, len(first))) / (INTENTS - 1), (-1, 1))
    probabilities[rows, first] = confidence
    one = np.ones(len(first), dtype=np.float32)
    top = np.broadcast_to(confidence, len(first))
    margin = np.log(top * (INTENTS - 1) / (1 - top)).astype(np.float32)
    return TierScores(probabilities, 0.9 * one, np.full(len(first), agree), 0 * one, margin)


@pytest.fixture(scope="module")
def learned() -> Learned:
    generator = np.random.default_rng(0)
    sure = np.full((ROWS, 2), [0.97, 0.03])
    found = learn(
        judged(sure, np.full(ROWS, 0.9), (generator.random(ROWS) < 0.01).astype(np.int64)),
        np.full(FOREIGN, 0.3),
        np.full(FOREIGN, 0.2),
        0.02,
        0.1,
    )
    return replace(found, thresholds=Thresholds(answer=0.9, clarify=0.8, scope=0.5))


def paired(tier_wrong: float, full_wrong: float = 0.01, confidence: float = 0.97) -> Paired:
    """Messages of which the tier and the full model have a share wrong, the tier's among the full model's if fewer."""
    truth = np.arange(ROWS) % INTENTS
    place = np.random.default_rng(1).permutation(ROWS) / ROWS
    first = np.where(place < tier_wrong, (truth + 1) % INTENTS, truth)
    full = np.where(place < full_wrong, (truth + 1) % INTENTS, truth)
    return Paired(scores(first, confidence), truth, np.arange(ROWS), full, np.ones(ROWS, dtype=bool))


STRANGERS = scores(np.zeros(FOREIGN, dtype=np.int64), 0.3)
REFUSED = np.ones(FOREIGN, dtype=bool)


def test_a_tier_as_good_as_the_full_model_answers(learned: Learned) -> None:
    found = learn_thresholds(paired(0.01), STRANGERS, REFUSED, learned)
    assert found.answered == 1
    assert found.accuracy_lost <= MOST_LOST
    assert found.thresholds is not None
    assert found.thresholds.confidence >= learned.thresholds.answer
    assert found.thresholds.scope >= learned.thresholds.scope
    assert "answers 100.0%" in found.sentence


def test_a_tier_that_is_wrong_more_often_is_left_out(learned: Learned) -> None:
    found = learn_thresholds(paired(0.03), STRANGERS, REFUSED, learned)
    assert found.thresholds is None
    assert found.as_dict() == {"in_bundle": False, "sentence": found.sentence}


def test_the_thresholds_leave_out_the_margins_at_which_the_tier_is_wrong(learned: Learned) -> None:
    inside = paired(0.0, 0.0)
    doubtful = np.arange(ROWS) % 4 == 0
    first = np.where(doubtful, (inside.truth + 1) % INTENTS, inside.truth)
    found = learn_thresholds(
        replace(inside, tier=scores(first, np.where(doubtful, 0.92, 0.98))), STRANGERS, REFUSED, learned
    )
    assert found.answered == pytest.approx(0.75)
    assert found.thresholds is not None
    assert np.log(0.92 * 4 / 0.08) < found.thresholds.margin <= np.log(0.98 * 4 / 0.02) + 1e-3


def test_a_tier_that_answers_foreign_messages_which_the_full_model_refuses_is_left_out(
    learned: Learned,
) -> None:
    strangers = scores(np.zeros(FOREIGN, dtype=np.int64), np.where(np.arange(FOREIGN) < 50, 0.99, 0.3))
    assert learn_thresholds(paired(0.01), strangers, REFUSED, learned).thresholds is None
    # Messages that the full model answers as well do not count as lost.
    assert learn_thresholds(paired(0.01), strangers, np.arange(FOREIGN) >= 50, learned).thresholds is not None


def test_few_foreign_messages_prove_nothing(learned: Learned) -> None:
    few = TierScores(*(getattr(STRANGERS, field.name)[:100] for field in fields(TierScores)))
    assert learn_thresholds(paired(0.01), few, REFUSED[:100], learned).thresholds is None
    assert MOST_FOREIGN_BOUND < 0.02


def test_copies_of_one_message_are_one_piece_of_evidence(learned: Learned) -> None:
    inside = paired(0.01)
    assert (
        learn_thresholds(replace(inside, group=np.arange(ROWS) % 100), STRANGERS, REFUSED, learned).thresholds
        is None
    )


def test_an_intent_that_the_tier_gets_wrong_counts_like_any_other(learned: Learned) -> None:
    """A rare intent is half a percent of the messages and a fifth of the mean recall."""
    rare = np.arange(ROWS) < 15
    truth = np.where(rare, 0, 1 + np.arange(ROWS) % (INTENTS - 1))
    inside = replace(paired(0.0, 0.0), truth=truth, full=truth, tier=scores(np.where(rare, 1, truth), 0.97))
    assert learn_thresholds(inside, STRANGERS, REFUSED, learned).thresholds is None


def test_a_tier_whose_parts_disagree_answers_nothing() -> None:
    apart = scores(np.zeros(10, dtype=np.int64), 0.99, agree=False)
    assert not apart.passing(TierThresholds(0.5, 0.0, 1.0)).any()


def test_a_tier_that_answers_wrongly_where_the_full_model_asks_is_left_out(learned: Learned) -> None:
    """No accuracy is lost, and the risk stays within its limit: the full model's first choice is wrong as well."""
    inside = paired(5 / ROWS, 5 / ROWS)
    assert 5 / ROWS > MOST_EXTRA
    assert learn_thresholds(inside, STRANGERS, REFUSED, learned).thresholds is not None
    asks = replace(inside, full_answers=inside.full == inside.truth)
    assert learn_thresholds(asks, STRANGERS, REFUSED, learned).thresholds is None


def test_messages_that_are_alike_are_held_out_together() -> None:
    """Of each of two intents, four forms of 30 messages; two messages of different forms are one group."""
    forms = np.repeat(np.arange(8), 30)
    groups = ["both" if row in (0, 30) else f"{row}" for row in range(240)]
    fold = cluster_folds(np.eye(8, dtype=np.float32)[forms], forms // 4, groups, 0)
    assert [len(np.unique(fold[forms == form][1:])) for form in range(8)] == [1] * 8
    assert fold[0] == fold[30]
    assert len(np.unique(fold)) > 1


def test_an_intent_of_one_form_is_never_held_out() -> None:
    vectors = np.ones((6, 4), dtype=np.float32)
    assert (
        cluster_folds(vectors, np.array([0, 0, 0, 1, 1, 1]), ["a", "a", "a", "b", "b", "b"], 0).tolist()
        == [-1] * 6
    )


def test_a_tier_one_of_whose_parts_is_unsure_answers_nothing() -> None:
    sure = scores(np.zeros(10, dtype=np.int64), 0.99)
    assert sure.passing(TierThresholds(0.5, 0.0, 1.0, 3.0)).all()
    assert not replace(sure, margin=0 * sure.margin).passing(TierThresholds(0.5, 0.0, 1.0, 3.0)).any()
