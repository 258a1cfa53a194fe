"""The gate compares on rows of the champion's corpus, by predictions that neither version learned from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.dialog.router import Alternative, Prediction
from data.declarations import Declared
from data.messages import row_hash
from data.placeholders import fill_all
from training.gate.rows import CHALLENGER_ROW, CHAMPION_ROW, UNFILLED, compared_rows
from training.model.held_out import from_tensors, to_tensors
from training.retraining.merge import still_right

INTENTS = frozenset({"track", "cancel"})


def corpus(*rows: tuple[str, str], source: str = "shop.csv:1") -> pd.DataFrame:
    return pd.DataFrame(
        [(m, i, "", row_hash(m, i), row_hash(m, i), source) for m, i in rows],
        columns=["message", "intent", "category", "group", "row_hash", "source"],
    )


def kept(rows: pd.DataFrame) -> dict[str, Prediction]:
    return {name: Prediction([Alternative("track", 0.9)], 1.0) for name in rows["row_hash"]}


BEFORE = corpus(("where is it", "track"), ("stop it", "cancel"), ("what is the time", OUT_OF_SCOPE))


def test_rows_of_the_champions_corpus_are_compared_by_the_predictions_that_both_keep() -> None:
    rows = compared_rows(BEFORE, BEFORE, kept(BEFORE), kept(BEFORE), INTENTS)
    assert rows["message"].tolist() == BEFORE["message"].tolist()
    assert rows[CHAMPION_ROW].tolist() == rows[CHALLENGER_ROW].tolist() == BEFORE["row_hash"].tolist()
    assert not rows["new"].any()


def test_a_row_that_the_challenger_relabelled_counts_under_the_champions_label() -> None:
    now = corpus(("where is it", "cancel"), ("Stop it", "cancel"))
    rows = compared_rows(BEFORE, now, kept(BEFORE), kept(now), INTENTS).set_index("message")
    assert rows.loc["where is it", "intent"] == "track"
    assert rows.loc["where is it", CHALLENGER_ROW] == row_hash("where is it", "cancel")


def placeholder_rows(intent: str) -> pd.DataFrame:
    """Processed rows, with their messages before placeholders were filled: the values depend on the label."""
    messages = [f"{words} {{{{Order Number}}}}" for words in ("where is", "track", "find", "has it sent")]
    raw = corpus(*((message, intent) for message in messages))
    return fill_all(raw).assign(**{UNFILLED: raw["message"]})


@pytest.mark.parametrize("declared", [Declared(renamed={"track": "track_order"}), Declared()])
def test_a_row_with_placeholders_under_another_label_is_one_that_the_challenger_learned(
    declared: Declared,
) -> None:
    before, now = placeholder_rows("track").drop(columns=UNFILLED), placeholder_rows("track_order")
    assert not set(before["message"]) & set(now["message"])
    intents = frozenset({declared.now("track") or ""})
    rows = compared_rows(before, now, kept(before), kept(now), intents, declared)
    assert rows["message"].tolist() == before["message"].tolist()
    assert rows[CHALLENGER_ROW].tolist() == now["row_hash"].tolist()
    assert not rows["new"].any()


def test_a_row_that_the_challenger_never_saw_is_predicted_now() -> None:
    now = BEFORE.head(1)
    rows = compared_rows(BEFORE, now, kept(BEFORE), kept(now), INTENTS)
    assert rows[CHALLENGER_ROW].tolist() == [BEFORE["row_hash"][0], "", ""]


def test_rows_that_came_with_the_challenger_count_for_new_intents_only() -> None:
    now = pd.concat([BEFORE, corpus(("late", "track"), ("gift", "gifts"), ("more time", OUT_OF_SCOPE))])
    rows = compared_rows(BEFORE, now, kept(BEFORE), kept(now), INTENTS)
    assert rows.loc[rows["new"], "message"].tolist() == ["gift"]
    assert rows.loc[rows["new"], CHAMPION_ROW].tolist() == [""]
    assert len(rows) == len(BEFORE) + 1


def test_a_row_that_was_taught_and_has_no_prediction_is_not_compared_on() -> None:
    now = pd.concat([BEFORE, corpus(("gift", "gifts"))])
    assert len(compared_rows(BEFORE, now, kept(BEFORE.head(2)), kept(BEFORE.tail(2)), INTENTS)) == 1


def test_one_sentence_with_many_numbers_is_one_group_as_in_the_training() -> None:
    before = corpus(("stop it", "cancel"), *((f"where is my order {10_000 + n}", "track") for n in range(9)))
    rows = compared_rows(before, before, kept(before), kept(before), INTENTS)
    assert rows.groupby("intent")["group"].nunique().tolist() == [1, 1]
    assert rows["group"].nunique() == 2


def test_a_champion_without_predictions_is_compared_on_nothing() -> None:
    assert compared_rows(BEFORE, BEFORE, {}, kept(BEFORE), INTENTS).empty


def test_a_first_version_is_evaluated_on_what_it_keeps() -> None:
    rows = compared_rows(None, BEFORE, None, kept(BEFORE))
    assert rows[CHALLENGER_ROW].tolist() == BEFORE["row_hash"].tolist()
    assert compared_rows(None, BEFORE, None, {}).empty


def test_a_reviewed_row_that_was_corrected_is_not_held_against_the_challenger() -> None:
    before = pd.concat([BEFORE, corpus(("my gift", "track"), source="review:p1")])
    now = pd.concat([BEFORE, corpus(("my gift", "cancel"), source="review:p1")])
    assert still_right(before, now)["message"].tolist() == BEFORE["message"].tolist()
    assert len(still_right(before, before)) == len(before)


def test_predictions_come_back_by_row_hash_with_the_most_likely_intents() -> None:
    hashes = [row_hash(message, "a") for message in ("one", "two", "one")]
    probabilities = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.15, 0.05], [1, 0, 0, 0]], np.float32)
    held = to_tensors(hashes, probabilities, np.array([0.5, 0.9, 0.1], np.float32))
    found = from_tensors(held, "abcd")
    assert list(found) == hashes[:2]
    assert [one.intent for one in found[hashes[0]].alternatives] == ["d", "c", "b"]
    assert found[hashes[1]].alternatives[0].confidence == pytest.approx(0.7)
    assert found[hashes[1]].scope == pytest.approx(0.9)
    assert all(array.dtype != object for array in held.values())
