"""Which messages of an intent are near-duplicates of each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from data.messages import normalise

SIMILARITY = 0.85
"""The cosine from which on two messages are near-duplicates. At .70 chains join up to 92 % of an intent."""

_BLOCK = 4_000_000
_ROUNDING = 1e-6


def near_duplicates(
    messages: Sequence[str], intents: Sequence[str], similarity: float = SIMILARITY
) -> NDArray[np.int64]:
    """Pairs of messages of one intent whose TF-IDF vectors of characters have a cosine >= `similarity`.

    The vectors are of the normalised messages' character 3- to 5-grams, with the document frequencies of all
    messages given: a cosine depends on the corpus it is computed in. The products are sparse, in float32 and
    in blocks, so that memory stays bounded however large an intent is.

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
    """Unit TF-IDF vectors, shape (n, n-grams), float32; a message without a 3-gram is a zero vector."""
    texts = [normalise(message) for message in messages]
    if not any(len(text) >= 3 for text in texts):
        return csr_array((len(texts), 1), dtype=np.float32)
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(3, 5), lowercase=False, dtype=np.float32)
    return csr_array(vectorizer.fit_transform(texts))
