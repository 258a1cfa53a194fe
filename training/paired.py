"""Is the one worse than the other on the same messages? Exact tests and a bootstrap, over arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from training.metrics import BINS

# Draws at a time: what they need in memory stays under some 100 MB, however many messages there are.
_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A score's difference, challenger less champion, with the bounds of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Paired:
    """Who was right on n messages that both were asked.

    Attributes:
        messages: n.
        champion, challenger: how many each got right.
        broken: right before, wrong now; mended: wrong before, right now.
        p: two-sided, exact.
    """

    messages: int
    champion: int
    challenger: int
    broken: int
    mended: int
    p: float

    @property
    def worse(self) -> bool:
        """Whether more was broken than mended."""
        return self.broken > self.mended

    @classmethod
    def of(cls, champion: NDArray[np.bool_], challenger: NDArray[np.bool_]) -> Paired:
        """Compare who was right, shape (n,) each."""
        broken, mended = int((champion & ~challenger).sum()), int((~champion & challenger).sum())
        return cls(
            len(champion),
            int(champion.sum()),
            int(challenger.sum()),
            broken,
            mended,
            mcnemar(broken, mended),
        )


def mcnemar(broken: int, mended: int) -> float:
    """The two-sided p-value of the exact test of McNemar (1947): a binomial test of the pairs that differ.

    Args:
        broken, mended: how many pairs differ in the one direction and in the other.
    """
    if not broken + mended:
        return 1.0
    return float(min(1.0, 2 * binom.cdf(min(broken, mended), broken + mended, 0.5)))


def holm(values: Sequence[float]) -> NDArray[np.float64]:
    """p-values adjusted step down (Holm, 1979): below 5 %, in the order given, hold together at 5 %."""
    given = np.asarray(values, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    stepped = np.maximum.accumulate(given[order] * np.arange(given.size, 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def macro_f1_difference(
    truth: NDArray[np.str_],
    champion: NDArray[np.str_],
    challenger: NDArray[np.str_],
    draws: int,
    seed: int,
    level: float = 0.95,
) -> Difference:
    """The difference of macro F1 with its percentile interval of the paired bootstrap (Efron and Tibshirani, 1993).

    A message is drawn with the answers of both, so what is hard for both does not widen the interval. Messages with
    the same truth and the same two answers are alike: a draw is multinomial over the kinds of message. Macro F1 is
    the mean over the labels that occur in the truth of the draw (`training.evaluation.macro_f1`).

    Args:
        truth, champion, challenger: shape (n,), n at least 1.
        draws: of the bootstrap.
    """
    labels = np.unique(np.concatenate([truth, champion, challenger]))
    triples = np.stack([np.searchsorted(labels, side) for side in (truth, champion, challenger)], axis=1)
    kinds, counts = np.unique(triples, axis=0, return_counts=True)
    one_hot = np.eye(len(labels))
    meant = one_hot[kinds[:, 0]]
    sides = [(one_hot[kinds[:, side]], kinds[:, 0] == kinds[:, side]) for side in (1, 2)]

    def difference(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        support = weights @ meant
        scores = []
        for said, right in sides:
            hits = (weights * right) @ meant
            both = support + weights @ said
            f1 = np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)
            scores.append((f1 * (support > 0)).sum(axis=1) / (support > 0).sum(axis=1))
        return np.asarray(scores[1] - scores[0])

    generator = np.random.default_rng(seed)
    step = max(1, _CELLS // max(len(kinds), len(labels)))
    drawn = [
        difference(
            generator.multinomial(len(truth), counts / len(truth), size=min(step, draws - at)).astype(
                np.float64
            )
        )
        for at in range(0, draws, step)
    ]
    low, high = np.quantile(np.concatenate(drawn), [(1 - level) / 2, (1 + level) / 2])
    return Difference(float(difference(counts[None, :].astype(np.float64))[0]), float(low), float(high))


def ece_if_calibrated(
    confidence: NDArray[np.floating], draws: int, seed: int, bins: int = BINS
) -> NDArray[np.float64]:
    """The calibration errors that a perfectly calibrated model would show by chance on these confidences.

    Whether each message is right is drawn with its own confidence, as consistency bars of reliability diagrams are
    (Broecker and Smith, 2007); bins as in `training.metrics.ece`.

    Args:
        confidence: shape (n,), n at least 1.

    Returns:
        shape (draws,).
    """
    ordered = np.sort(np.asarray(confidence, dtype=np.float64))
    starts = np.cumsum([0, *(part.size for part in np.array_split(ordered, min(bins, ordered.size)))])[:-1]
    claimed = np.add.reduceat(ordered, starts)
    generator = np.random.default_rng(seed)
    step = max(1, _CELLS // ordered.size)
    errors = []
    for at in range(0, draws, step):
        right = generator.random((min(step, draws - at), ordered.size)) < ordered
        held = np.add.reduceat(right.astype(np.float64), starts, axis=1)
        errors.append(np.abs(held - claimed).sum(axis=1) / ordered.size)
    return np.concatenate(errors)
