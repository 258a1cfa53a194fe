"""Near-duplicates are found without comparing all pairs, and are the same as if all were compared."""

from __future__ import annotations

import random

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from data.messages import normalise
from data.similarity import near_duplicates

WORDS = "where is my order the refund for a parcel that never came please cancel it now".split()  # noqa: SIM905


def messages(count: int, seed: int) -> list[str]:
    """Return short messages, many of which share most of their words, and some without any n-gram."""
    chosen = random.Random(seed)
    return [" ".join(chosen.sample(WORDS, 5)) for _ in range(count)] + [
        "",
        "a",
        "hi",
        "where is my order",
    ] * 2


@pytest.mark.parametrize("similarity", [0.3, 0.6, 0.85, 1.0])
def test_the_pairs_are_those_of_comparing_each_message_with_each(similarity: float) -> None:
    texts = messages(150, seed=int(100 * similarity))
    intents = [("one", "two")[row % 2] for row in range(len(texts))]
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(3, 5)).fit_transform(map(normalise, texts))
    cosines = (vectors @ vectors.T).toarray()
    same = np.equal.outer(np.array(intents), np.array(intents))
    expected = np.argwhere(np.triu(same & (cosines >= similarity - 1e-6), 1))
    assert len(expected) > 3
    assert near_duplicates(texts, intents, similarity).tolist() == expected.tolist()
