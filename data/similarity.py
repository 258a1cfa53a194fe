"""Detect near-duplicate messages within an intent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from data.messages import normalise

SIMILARITY = 0.85
"""Minimum cosine of near-duplicates. At .70, chains of near-duplicates join up to 92 % of an intent."""

_BLOCK = 4_000_000
_ROUNDING = 1e-6


def near_duplicates(
    messages: Sequence[str], intents: Sequence[str], similarity: float = SIMILARITY
) -> NDArray[np.int64]:
    """Find pairs of messages within an intent whose character TF-IDF cosine is >= `similarity`.

    The vectors use character 3- to 5-grams of the normalised messages, with document frequencies over all
    given messages: a cosine depends on the corpus. The products are sparse, in float32 and computed in
    blocks, so that memory is bounded for any size of intent.

    Args:
        messages: n texts.
        intents: n labels.
        similarity: above 0, at most 1.

    Returns:
        shape (pairs, 2): indices i < j into `messages`, in ascending order.
    """
    pairs = [np.empty((0, 2), np.int64)]
    vectors = _vectors(messages)
    labels = np.asarray(intents, dtype=object)
    order = np.argsort(labels, kind="stable")
    changes = np.flatnonzero(labels[order][1:] != labels[order][:-1]) + 1
    for rows in np.split(order, changes):
        within = vectors[rows]
        transposed = within.T.tocsr()
        step = max(1, _BLOCK // max(1, len(rows)))
        for start in range(0, len(rows), step):
            cosines = (within[start : start + step] @ transposed).tocoo()
            near = cosines.data >= similarity - _ROUNDING
            left, right = rows[cosines.row[near] + start], rows[cosines.col[near]]
            pairs.append(np.stack([left, right], axis=1)[left < right])
    found = np.concatenate(pairs).astype(np.int64)
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def _vectors(messages: Sequence[str]) -> csr_array:
    """Return unit TF-IDF vectors, shape (n, n-grams), float32; a message without a 3-gram is zero."""
    texts = [normalise(message) for message in messages]
    if not any(len(text) >= 3 for text in texts):
        return csr_array((len(texts), 1), dtype=np.float32)
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(3, 5), lowercase=False, dtype=np.float32)
    return csr_array(vectorizer.fit_transform(texts))
