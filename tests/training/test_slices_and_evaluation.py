"""Scores count what they say they count, as a whole and in parts."""

import posixpath
import re
from pathlib import Path

import numpy as np
import pytest

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.model.bundle import Bundle
from data.columns import Columns
from training.corpus.reading import read_labelled
from training.model.evaluation.outcome import Outcome, evaluate, flat, full_report, scores, scores_of_intent
from training.model.evaluation.slices import is_typo, slices_of

WORDS = frozenset({"refund", "order", "where", "money", "back", "want", "when", "please"})


@pytest.mark.parametrize("word", ["refudn", "ordder", "wnat", "mony", "pleaze"])
def test_one_slip_of_the_finger_is_a_typo(word: str) -> None:
    assert is_typo(word, WORDS)


@pytest.mark.parametrize("word", ["refund", "sofa", "wan", "zalando"])
def test_a_known_or_merely_unknown_word_is_none(word: str) -> None:
    assert not is_typo(word, WORDS)


def test_a_message_in_another_language_is_no_typo() -> None:
    german = [
        "Wann bekomme ich mein Geld zurück?",
        "Bitte die Ware abholen",
        "Ich will keine Ordner mehr haben",
    ]
    words = WORDS | {"mean", "ware", "order", "even", "which", "bitter"}
    assert "typos" not in slices_of(german, [""] * 3, words)
    assert slices_of([*german, *["my refudn, please"] * 9], [""] * 12, words)["typos"].sum() == 9


def test_slices_are_by_length_spelling_and_category() -> None:
    long = "please " * 15
    masks = slices_of(["my refudn", "where is my money", long], ["A", "B", "A"], WORDS)
    assert {name: mask.tolist() for name, mask in masks.items()} == {
        "typos": [True, False, False],
        "short": [True, False, False],
        "long": [False, False, True],
        "category:A": [True, False, True],
        "category:B": [False, True, False],
    }


def outcome() -> Outcome:
    """Four messages: answered right, answered wrong, clarified right, out of scope and handed over."""
    return Outcome(
        truth=np.array(["a", "b", "b", OUT_OF_SCOPE]),
        likeliest=np.array(["a", "a", "b", "a"]),
        confidence=np.array([0.9, 0.8, 0.5, 0.4]),
        scope=np.array([1.0, 0.5, 0.2, -3.0]),
        routed=np.array(["a", "a", "b", OUT_OF_SCOPE]),
        answered=np.array([True, True, False, False]),
    )


def test_scores_of_a_known_example() -> None:
    found = scores(outcome())
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["coverage"] == pytest.approx(0.5)
    assert found["risk"] == pytest.approx(0.5)
    assert found["scope_auroc"] == 1
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_an_intents_scores_are_its_own() -> None:
    found = scores_of_intent(outcome(), "b")
    assert found["accuracy"] == pytest.approx(0.5)
    assert found["macro_f1"] == pytest.approx(2 / 3)
    assert found["coverage"] == pytest.approx(0.5)


def test_a_score_without_meaning_is_none_and_no_metric() -> None:
    found = scores(outcome(), np.array([False, False, False, True]))
    assert found["accuracy"] is None
    assert found["risk"] is None
    assert "accuracy" not in flat(found)


def test_a_corpus_too_small_for_a_test_part_has_no_scores() -> None:
    nothing = scores(outcome().part(np.zeros(4, dtype=bool)))
    assert nothing["messages"] == 0
    assert all(value is None for name, value in nothing.items() if name not in ("messages", "distinct"))


def test_copies_share_one_count_and_repetitions_of_training_rows_have_none() -> None:
    """One right message, a wrong one in three copies, and one from training: half are right."""
    copies = Outcome(
        truth=np.array(["a", "b", "b", "b", "a"]),
        likeliest=np.array(["a", "a", "a", "a", "b"]),
        confidence=np.full(5, 0.9),
        scope=np.ones(5),
        routed=np.array(["a", "a", "a", "a", "b"]),
        answered=np.ones(5, dtype=bool),
        weight=np.array([1, 1 / 3, 1 / 3, 1 / 3, 0]),
    )
    found = scores(copies)
    assert found["distinct"] == pytest.approx(2)
    assert found["accuracy"] == pytest.approx(0.5)
    assert found["risk"] == pytest.approx(0.5)
    assert found["ece"] == pytest.approx(0.5)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)


def test_a_handoff_counts_as_out_of_scope_only_where_the_corpus_has_such_rows(bundle: Bundle) -> None:
    messages = ["I want a refund", "qwzx brrr florp", "sing me the anthem of Norway"]
    with_such = evaluate(bundle, messages, ["get_refund", OUT_OF_SCOPE, OUT_OF_SCOPE])
    assert with_such.routed.tolist() == ["get_refund", OUT_OF_SCOPE, OUT_OF_SCOPE]
    without = evaluate(bundle, messages, ["get_refund", "review", "review"])
    assert OUT_OF_SCOPE not in without.routed


def test_a_report_has_every_key_as_a_whole_per_intent_and_per_slice(bundle: Bundle) -> None:
    messages, labels = (
        ["I want a refund", "sing me a song", "cancel my order"],
        ["get_refund", OUT_OF_SCOPE, "cancel_order"],
    )
    report = full_report(bundle, evaluate(bundle, messages, labels), messages, ["REFUND", "", "ORDER"])
    keys = {"accuracy", "macro_f1", "ece", "scope_auroc", "mcc", "coverage", "risk"}
    assert keys <= report.keys()
    per_intent, per_slice = report["per_intent"], report["per_slice"]
    assert isinstance(per_intent, dict)
    assert isinstance(per_slice, dict)
    assert set(per_intent) == set(labels)
    assert all(keys <= part.keys() for part in [*per_intent.values(), *per_slice.values()])


def test_every_metric_has_a_name_that_mlflow_takes_whatever_the_intents_are_called() -> None:
    names = ("reverted_card_payment?", "reverted_card_payment!", "a/b", "..", "退款", "x" * 300, "plain_name")
    metrics = flat({"per_intent": {name: {"accuracy": 1.0} for name in names}})
    assert len(metrics) == len(names)
    assert "per_intent/plain_name/accuracy" in metrics
    for name in metrics:
        assert re.fullmatch(r"per_intent/[\w. -]+/accuracy", name)
        assert posixpath.normpath(name) == name
        assert len(name) <= 250


def test_an_empty_test_part_is_scored_as_unknown() -> None:
    none, text = np.array([], float), np.array([], "<U1")
    scored = scores(Outcome(text, text, none, none, text, np.array([], bool)))
    assert scored.pop("messages") == scored.pop("distinct") == 0
    assert set(scored.values()) == {None}


def test_a_label_in_another_spelling_is_scored_as_the_bundles_intent(tmp_path: Path) -> None:
    file = tmp_path / "held_out.csv"
    file.write_text("text,label\na,Track Order\nb,oos\nc,new one\n")
    rows = read_labelled(file, Columns(), labels=("track_order", "refund"))
    assert rows["intent"].tolist() == ["track_order", "out_of_scope", "new one"]
