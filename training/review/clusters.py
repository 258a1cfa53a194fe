"""Cluster queued messages that no intent covers, to discover new intents.

The messages are encoded by the bundle's encoder and clustered by agglomerative average linkage on the cosine
distance, so that one message between two clusters does not chain them. A cluster is named by class-based
TF-IDF: words that are frequent in it and rare elsewhere (Grootendorst, BERTopic, arXiv:2203.05794).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from data.messages import normalise
from training.review.queue import Item, Queue, Reason

MIN_ITEMS = 3
"""Minimum number of messages in a cluster, near-duplicates counted once."""
MIN_MESSAGES = 5
"""Minimum number of messages in a cluster, near-duplicates included."""
MIN_SIMILARITY = 0.45
"""Minimum mean cosine similarity within a cluster."""
WORDS = 4
"""Number of words that describe a cluster."""

_HANDED_OVER = 0.5
_WORD = re.compile(r"[^\W\d_](?:[\w'-]*[^\W_])?")
_MARK = re.compile(r"<[A-Z]+>")
# Words of any customer message, independent of its topic.
_POLITE = (
    "hi hello hey please pls thanks thank want need know tell help like just got get make does did i'm i'd i've "
    "it's don't can't what's how's that's there's hiya okay"
)

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Encodes n messages as unit vectors, shape (n, dim)."""


@dataclass(frozen=True, slots=True)
class MessageCluster:
    """Cluster of similar messages that no intent covers, nearest to the centroid first.

    Attributes:
        name: unique name made of its words, such as `gift_card_balance`.
        similarity: mean cosine similarity of its messages to the centroid.
        nearest: the most frequent top intent of its messages.
    """

    name: str
    words: tuple[str, ...]
    items: tuple[Item, ...]
    similarity: float
    nearest: str

    @property
    def count(self) -> int:
        """Number of messages, near-duplicates included."""
        return sum(item.count for item in self.items)


def find_clusters(
    queue: Queue, encode: Encode, min_similarity: float = MIN_SIMILARITY
) -> list[MessageCluster]:
    """Return the clusters of a queue, largest first; `encode` gets the messages as stored, after PII redaction."""
    items = [item for item in queue.items if item.scope is not None]
    if len(items) < MIN_ITEMS:
        return []
    vectors = encode([item.message for item in items])
    labels = join(vectors, 1 - min_similarity)
    found = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    found = [rows for rows in found if _is_new([items[row] for row in rows])]
    clustered = {int(row) for rows in found for row in rows}
    words = typical_words(
        [[items[row].message for row in rows] for rows in found],
        [item.message for row, item in enumerate(items) if row not in clustered],
    )
    clusters: list[MessageCluster] = []
    taken: Counter[str] = Counter()
    largest = sorted(
        zip(found, words, strict=True), key=lambda pair: -sum(items[row].count for row in pair[0])
    )
    for rows, of in largest:
        name = "_".join(of[:3]) or "cluster"
        taken[name] += 1
        name = name if taken[name] == 1 else f"{name}_{taken[name]}"
        clusters.append(_cluster(name, of, [items[row] for row in rows], vectors[rows]))
    return clusters


def typical_words(classes: Sequence[Sequence[str]], others: Sequence[str] = ()) -> list[tuple[str, ...]]:
    """Return the most typical words of each class of messages by class-based TF-IDF.

    The weight of a word in a class is its frequency there times log(1 + A / f), where A is the mean number of
    words per class and f the frequency of the word in all classes. Words that occur in only one message of a
    class are skipped. `others` are messages of no class; they only contribute to the overall frequencies.
    """
    in_class = [Counter(word for message in messages for word in _words(message)) for messages in classes]
    everywhere = sum(in_class, Counter(word for message in others for word in _words(message)))
    mean = everywhere.total() / max(1, len(classes) + bool(others))
    named = []
    for counts in in_class:
        weights = {
            word: count * np.log(1 + mean / everywhere[word]) for word, count in counts.items() if count > 1
        }
        ordered = sorted(weights, key=lambda word: (-weights[word], word))
        named.append(tuple(ordered[:WORDS]))
    return named


def join(vectors: NDArray[np.float32], distance: float) -> NDArray[np.int32]:
    """Label each row by average linkage: clusters merge up to a mean cosine distance of `distance`."""
    # Imported late: SciPy takes a second, and most pages and commands cluster nothing.
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    distances = np.clip(pdist(vectors.astype(np.float32), "cosine"), 0, 2)
    labels: NDArray[np.int32] = fcluster(linkage(distances, "average"), distance, "distance")
    return labels


def _is_new(items: Sequence[Item]) -> bool:
    """Whether a cluster is large enough and at least half of it was handed over or out of scope."""
    if len(items) < MIN_ITEMS or sum(item.count for item in items) < MIN_MESSAGES:
        return False
    handed = sum(item.source == "human" or Reason.OUT_OF_SCOPE in item.reasons for item in items)
    return handed >= _HANDED_OVER * len(items)


def _cluster(
    name: str, words: tuple[str, ...], items: Sequence[Item], vectors: NDArray[np.float32]
) -> MessageCluster:
    middle = vectors.mean(axis=0)
    cosines = vectors @ (middle / max(float(np.linalg.norm(middle)), 1e-9))
    order = np.argsort(-cosines, kind="stable")
    nearest = Counter(item.intent for item in items).most_common(1)[0][0]
    return MessageCluster(name, words, tuple(items[row] for row in order), float(cosines.mean()), nearest)


def _words(message: str) -> set[str]:
    """Return the content words of a message, each once."""
    words = _WORD.findall(normalise(_MARK.sub(" ", message)))
    return {word for word in words if len(word) > 2 and word not in _usual_words()}


@cache
def _usual_words() -> frozenset[str]:
    # Imported late: most pages and commands name no cluster.
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS).union(_POLITE.split())
