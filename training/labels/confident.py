"""Find labels that are probably wrong by confident learning (Northcutt, Jiang and Chuang, 2021, JAIR 70).

It needs only out-of-fold probabilities. An intent's threshold is the mean probability that messages labelled with it
have of it, so that an intent the model is rarely sure of is not taken for mislabelled. A message counts for the most
probable of the intents whose threshold it reaches; where that is not its label, the label is suspect.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]

NONE = -1
"""The message reaches no intent's threshold."""


def thresholds(probabilities: Floats, given: Ints, weight: Floats) -> NDArray[np.float64]:
    """Return each intent's mean probability among its own messages, shape (k,); 1 for an intent without messages.

    Args:
        probabilities: shape (n, k): out-of-fold. given: shape (n,): the label's column.
        weight: shape (n,): what each message counts; near-duplicates count one together.
    """
    own = probabilities[np.arange(len(given)), given]
    count = probabilities.shape[1]
    total = np.bincount(given, weight, count)
    sums = np.bincount(given, weight * own, count)
    return np.divide(sums, total, out=np.ones(count), where=total > 0)


def confident_labels(probabilities: Floats, given: Ints, weight: Floats) -> Ints:
    """Return the intent that each message counts for, shape (n,); NONE if it reaches no threshold."""
    reached = np.where(probabilities >= thresholds(probabilities, given, weight), probabilities, -1.0)
    best = reached.argmax(axis=1)
    return np.asarray(np.where(reached[np.arange(len(given)), best] >= 0, best, NONE), dtype=np.int64)


def confident_joint(confident: Ints, given: Ints, weight: Floats, count: int) -> NDArray[np.float64]:
    """Count messages by given and by confident label, shape (k, k); off the diagonal are the suspect ones."""
    joint = np.zeros((count, count))
    known = confident != NONE
    np.add.at(joint, (given[known], confident[known]), weight[known])
    return joint


def better_labels(probabilities: Floats, given: Ints) -> Ints:
    """Return the most probable other intent of each message, shape (n,)."""
    others = np.array(probabilities, dtype=np.float64)
    others[np.arange(len(given)), given] = -1.0
    return np.asarray(others.argmax(axis=1), dtype=np.int64)


def label_quality(probabilities: Floats, given: Ints) -> NDArray[np.float64]:
    """Return how well each label fits, shape (n,): its probability over the sum with that of the best other one.

    0.5 is a tie. `python -m tools.bench.quality --only labels` compares rankings on planted errors.
    """
    rows = np.arange(len(given))
    own = probabilities[rows, given].astype(np.float64)
    other = probabilities[rows, better_labels(probabilities, given)].astype(np.float64)
    return np.asarray(own / np.maximum(own + other, 1e-300))
