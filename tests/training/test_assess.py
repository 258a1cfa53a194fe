"""A training is evaluated on rows that the predicting model had not seen, at thresholds they had no part in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.dialog.replies import Replies, ReplyText
from chatbot.dialog.router import Thresholds
from chatbot.dialog.rules import Rules
from chatbot.model.bundle import Bundle, EncoderInfo, Manifest
from chatbot.model.classifier import Scores
from data.messages import row_hash
from tests.training.test_fit import corpus
from training.model.assess import OUT_OF_FOLD, TRAINING_ROWS, Held, evaluate_out_of_fold
from training.model.fit import Fitted, fit
from training.model.params import TrainParams
from training.model.thresholds import judge, learn_from

OUTSIDE = 30


def held_of(sizes: list[int]) -> Held:
    encoded, intents, groups = corpus([*sizes, OUTSIDE], spread=0.45)
    inside = sum(sizes)
    fitted = fit(encoded.part(np.arange(inside)), intents[:inside], groups[:inside])
    own = fitted.classifier.score(encoded.part(np.arange(inside, inside + OUTSIDE)))
    labels = [*intents[:inside], *[OUT_OF_SCOPE] * OUTSIDE]
    frame = pd.DataFrame(
        {"message": [f"words of row {row}" for row in range(len(labels))], "intent": labels, "category": ""}
    )
    frame["row_hash"] = [row_hash(message, "x") for message in frame["message"]]
    names = np.asarray(groups)
    return Held(
        frame[:inside],
        frame[inside:],
        names[:inside],
        names[inside:],
        fitted,
        own,
        own.part(np.empty(0, dtype=np.int64)),
    )


def bundle_of(fitted: Fitted) -> Bundle:
    labels = fitted.classifier.labels
    manifest = Manifest(
        labels=labels,
        temperature=1.0,
        thresholds=Thresholds(answer=0, clarify=0, scope=0),
        encoder=EncoderInfo(name="", digest="", dim=1),
        corpus_digest="",
    )
    replies = Replies({label: ReplyText(response="Yes.") for label in labels})
    nothing = np.zeros((2, 1), np.float32)
    return Bundle(manifest, Rules(()), replies, "", None, fitted.classifier, nothing)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def held() -> Held:
    return held_of([30, 30, 30, 30])


def test_every_row_is_evaluated_by_a_model_that_had_not_seen_it(held: Held) -> None:
    in_force = learn_from(judge(held.fitted), held.own, TrainParams())
    rows, outcome = evaluate_out_of_fold(bundle_of(held.fitted), held, in_force, TrainParams())
    assert held.evaluated == OUT_OF_FOLD
    assert sorted(rows["message"]) == sorted([*held.rows["message"], *held.outside["message"]])
    assert outcome.truth.tolist() == rows["intent"].tolist()
    likeliest = held.fitted.out_of_fold.probabilities.argmax(axis=1)
    assert outcome.likeliest[: len(likeliest)].tolist() == [
        held.fitted.classifier.labels[column] for column in likeliest
    ]


def test_the_labels_of_a_fold_do_not_move_the_thresholds_that_it_is_routed_by(held: Held) -> None:
    """With the labels of one fold all wrong, the other folds answer nothing, and this fold what it answered before."""
    fold = held.fitted.out_of_fold.fold
    poisoned = held.fitted.labels.copy()
    poisoned[held.fitted.out_of_fold.rows[fold == 0]] = held.fitted.out_of_fold.probabilities[
        fold == 0
    ].argmin(axis=1)
    spoilt = replace(held, fitted=replace(held.fitted, labels=poisoned))
    answered = []
    for one in (held, spoilt):
        in_force = learn_from(judge(held.fitted), held.own, TrainParams())
        _, outcome = evaluate_out_of_fold(bundle_of(one.fitted), one, in_force, TrainParams())
        answered.append(outcome.answered[: len(fold)])
    assert answered[0].mean() > 0.3
    assert answered[1][fold == 0].mean() > answered[1][fold != 0].mean() + 0.2


def test_messages_that_replace_the_generic_pool_are_in_the_thresholds_of_every_fold(held: Held) -> None:
    """They look like messages in scope: thresholds that know them answer far less."""
    inside, nothing = held.fitted.out_of_fold, held.own.part(np.empty(0, dtype=np.int64))
    alone = replace(held, outside=held.outside[:0], outside_groups=held.outside_groups[:0], own=nothing)
    known = replace(alone, stand_ins=Scores(inside.probabilities, inside.scope))
    in_force = learn_from(
        judge(held.fitted),
        known.out_of_scope(np.empty(0, dtype=np.int64)),
        TrainParams(out_of_scope_share=0.7),
    )
    unknown_answered, answered = (
        evaluate_out_of_fold(bundle_of(held.fitted), one, in_force, TrainParams())[1].answered.mean()
        for one in (alone, known)
    )
    assert answered == pytest.approx(in_force.coverage, abs=0.1)
    assert answered < unknown_answered - 0.2


def test_near_duplicates_count_one_together(held: Held) -> None:
    twice = replace(held, outside_groups=np.repeat(held.outside_groups[::2], 2))
    in_force = learn_from(judge(held.fitted), held.own, TrainParams())
    _, outcome = evaluate_out_of_fold(bundle_of(held.fitted), twice, in_force, TrainParams())
    assert outcome.weights.sum() == len(held.rows) + OUTSIDE / 2


def test_a_corpus_of_which_nothing_can_be_held_out_says_so_and_keeps_nothing() -> None:
    alone = held_of([1, 1, 1])
    assert alone.evaluated == TRAINING_ROWS
    assert alone.kept() == {}
    in_force = learn_from(judge(alone.fitted), alone.own, TrainParams())
    rows, _ = evaluate_out_of_fold(bundle_of(alone.fitted), alone, in_force, TrainParams())
    assert len(rows) == 3 + OUTSIDE


def test_what_is_kept_for_the_gate_is_the_same_predictions(held: Held) -> None:
    tensors = held.kept()
    assert len(tensors["held_out.row_hash"]) == len(held.rows) + OUTSIDE
    first = tensors["held_out.confidence"][: len(held.rows), 0]
    np.testing.assert_array_equal(first, held.fitted.out_of_fold.probabilities.max(axis=1))
