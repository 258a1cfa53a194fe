"""Wordpiece n-grams count as scikit-learn would count them."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from chatbot.lexical import Vocabulary, ngrams

ROWS = [np.array(row, dtype=np.int32) for row in ([5, 6, 7, 5], [6], [], [7, 7, 7], [5, 6])]


def test_tf_idf_is_that_of_scikit_learn() -> None:
    texts = [" ".join(["^", *(f"w{token}" for token in row), "$"]) for row in ROWS]
    theirs = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\S+", ngram_range=(1, 2)).fit(texts)
    # The marks of begin and end count in bigrams, and not by themselves.
    kept = [index for name, index in theirs.vocabulary_.items() if name not in {"^", "$"}]
    expected = theirs.transform(texts).toarray()[:, kept]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    vocabulary = Vocabulary.learn(ROWS)
    ours = vocabulary.count(ROWS).times(np.eye(len(vocabulary.keys)))
    np.testing.assert_allclose(ours @ ours.T, expected @ expected.T, atol=1e-6)


def test_n_grams_never_seen_are_passed_over() -> None:
    vocabulary = Vocabulary.learn(ROWS[:2])
    counts = vocabulary.count([np.array([900, 901], dtype=np.int32), np.array([5, 900], dtype=np.int32)])
    assert np.diff(counts.starts).tolist() == [0, 2]


def test_a_bigram_is_not_its_reverse() -> None:
    assert set(ngrams(np.array([3, 4], dtype=np.int32))) != set(ngrams(np.array([4, 3], dtype=np.int32)))
