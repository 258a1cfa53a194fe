"""Detect near-duplicate messages within an intent, and group them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from data.messages import normalise

SIMILARITY = 0.85
"""Minimum cosine of near-duplicates. At .70, chains of near-duplicates join up to 92 % of an intent."""

_BLOCK = 4_000_000
_VALUES = 2_000_000
_LEFT_OUT = 0.5
_ROUNDING = 1e-6


def near_duplicates(
    messages: Sequence[str], intents: Sequence[str], similarity: float = SIMILARITY
) -> NDArray[np.int64]:
    """Find pairs of messages within an intent whose character TF-IDF cosine is >= `similarity`.

    The vectors use character 3- to 5-grams of the normalised messages, with document frequencies over all
    given messages: a cosine depends on the corpus. Only pairs that share a rare n-gram are compared (`_rare`),
    in blocks, so that memory is bounded for any size of intent.

    Args:
        messages: n texts.
        intents: n labels.
        similarity: above 0, at most 1.

    Returns: shape (pairs, 2): indices i < j into `messages`, in ascending order.
    """
    pairs = [np.empty((0, 2), np.int64)]
    vectors = _vectors(messages)
    labels = np.asarray(intents, dtype=object)
    order = np.argsort(labels, kind="stable")
    changes = np.flatnonzero(labels[order][1:] != labels[order][:-1]) + 1
    for rows in np.split(order, changes):
        within = vectors[rows]
        rare, least = _rare(within, similarity)
        transposed = rare.T.tocsr()
        step = max(1, _BLOCK // max(1, len(rows)))
        for start in range(0, len(rows), step):
            shared = (rare[start : start + step] @ transposed).tocoo()
            likely = (shared.row + start < shared.col) & (shared.data >= least)
            left, right = shared.row[likely] + start, shared.col[likely]
            near = _cosines(within, left, right) >= similarity - _ROUNDING
            pairs.append(np.sort(np.stack([rows[left[near]], rows[right[near]]], axis=1), axis=1))
    found = np.concatenate(pairs).astype(np.int64)
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def groups(
    messages: Sequence[str], intents: Sequence[str], similarity: float = SIMILARITY
) -> NDArray[np.int64]:
    """Return the group of each message, shape (n,): numbers of the components that near-duplicates link."""
    return components(len(messages), near_duplicates(messages, intents, similarity))


def components(size: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of each node's connected component, shape (size,)."""
    links = csr_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _rare(vectors: csr_array, similarity: float) -> tuple[csr_array, float]:
    """Return unit vectors without their common n-grams, and the least product of two of them that are similar.

    Prefix filtering (Bayardo, Ma and Srikant, "Scaling up all pairs similarity search", 2007) with the bound of
    Cauchy and Schwarz: let x and y keep their rarest n-grams and leave out the rest, of norm `u` at most, and let x
    end first in the order of n-grams by frequency. With p the product of what both keep, y's n-grams up to there
    have at least the norm p / a, where a^2 = 1 - u^2, so that x y <= p + u sqrt(1 - p^2 / a^2).
    """
    left_out = _LEFT_OUT * similarity**2  # u^2
    kept = 1 - left_out
    root = max(0.0, similarity**2 - (similarity**2 - left_out) / kept) ** 0.5
    frequency = np.bincount(vectors.indices, minlength=vectors.shape[1])
    place = np.empty(len(frequency), np.int64)
    place[np.argsort(frequency, kind="stable")] = np.arange(len(frequency))
    of = np.repeat(np.arange(vectors.shape[0]), np.diff(vectors.indptr))
    order = np.lexsort((-place[vectors.indices], of))  # within a row, the most frequent first
    norms = np.cumsum(vectors.data[order].astype(np.float64) ** 2)
    before = np.concatenate([[0.0], norms])[vectors.indptr[:-1]]
    first = order[norms - before[of] > left_out]
    rare = csr_array((vectors.data[first], (of[first], vectors.indices[first])), shape=vectors.shape)
    return rare, kept * (similarity - root) - 10 * _ROUNDING


def _cosines(
    vectors: csr_array, left: NDArray[np.integer], right: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Return the cosine of each pair of rows, shape (n,)."""
    sizes = np.diff(vectors.indptr).astype(np.int64)
    block = np.cumsum(sizes[left] + sizes[right]) // _VALUES  # long rows: few pairs at a time
    parts = np.split(np.arange(len(left)), np.flatnonzero(np.diff(block)) + 1)
    return np.concatenate(
        [(vectors[left[of]] * vectors[right[of]]).sum(axis=1) for of in parts], dtype=np.float32
    )


def _vectors(messages: Sequence[str]) -> csr_array:
    """Return unit TF-IDF vectors, shape (n, n-grams), float32; a message without a 3-gram is zero."""
    # Imported late: pages import this module, and group nothing.
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [normalise(message) for message in messages]
    if not any(len(text) >= 3 for text in texts):
        return csr_array((len(texts), 1), dtype=np.float32)
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(3, 5), lowercase=False, dtype=np.float32)
    return csr_array(vectorizer.fit_transform(texts))
