"""Near-duplicates are found without comparing all pairs, and are the same as if all were compared."""

from __future__ import annotations

import random
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from data.messages import normalise
from data.similarity import groups, near_duplicates

WORDS = "where is my order the refund for a parcel that never came please cancel it now".split()  # noqa: SIM905


def messages(count: int, seed: int) -> list[str]:
    """Return variants of ten messages, each with one word exchanged, and some without any n-gram."""
    chosen = random.Random(seed)
    stems = [chosen.sample(WORDS, 7) for _ in range(10)]
    made = []
    for number in range(count):
        words = list(stems[number % 10])
        words[chosen.randrange(7)] = chosen.choice(WORDS)
        made.append(" ".join(words))
    return [*made, "", "a", "hi", *made[:5], ""]


@pytest.mark.parametrize("similarity", [0.3, 0.6, 0.85, 1.0])
def test_the_pairs_are_those_of_comparing_each_message_with_each(similarity: float) -> None:
    texts = messages(150, seed=int(100 * similarity))
    intents = ["one" if row % 3 else "two" for row in range(len(texts))]
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(3, 5)).fit_transform(map(normalise, texts))
    cosines = (vectors @ vectors.T).toarray()
    same = np.equal.outer(np.array(intents), np.array(intents))
    expected = np.argwhere(np.triu(same & (cosines >= similarity - 1e-6), 1))
    assert len(expected) > 3
    assert near_duplicates(texts, intents, similarity).tolist() == expected.tolist()


def test_groups_are_linked_within_an_intent_and_short_messages_are_on_their_own() -> None:
    asked = ["where is my parcel with the shoes", "where is my parcel with the shoes?", "cancel the order"]
    found = groups([*asked, asked[0], "hi", "?"], [*"aaab", *"aa"])
    assert found[0] == found[1]
    assert len(set(found.tolist())) == 5


def test_the_blocks_of_a_large_intent_find_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    some = messages(60, 1)
    whole = near_duplicates(some, ["a"] * len(some))
    assert len(whole) > 5
    monkeypatch.setattr("data.similarity._BLOCK", len(some))
    np.testing.assert_array_equal(near_duplicates(some, ["a"] * len(some)), whole)


def test_bitext_is_grouped_within_ten_seconds(bitext: pd.DataFrame) -> None:
    begin = time.process_time()
    found = groups(bitext["message"].tolist(), bitext["intent"].tolist())
    assert time.process_time() - begin < 10
    assert 15_000 < len(set(found.tolist())) < 18_000
    largest = bitext.groupby(["intent", found]).size().groupby("intent").max()
    assert (largest / bitext.groupby("intent").size()).max() < 0.2
