"""Compare two classifiers on the same messages: exact McNemar test, Holm adjustment, paired bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from training.model.evaluation.metrics import BINS

# Cells per batch of draws: keeps memory below about 100 MB for any number of messages.
_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of a score, challenger minus champion, with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Paired:
    """Paired outcomes of champion and challenger on the same messages.

    `regressions` were right before and are wrong now, `fixes` the reverse; `p` is the two-sided p-value of the exact
    McNemar test.
    """

    messages: int
    champion: int
    challenger: int
    regressions: int
    fixes: int
    p: float

    @property
    def worse(self) -> bool:
        """Whether there are more regressions than fixes."""
        return self.regressions > self.fixes

    @classmethod
    def of(cls, champion: NDArray[np.bool_], challenger: NDArray[np.bool_]) -> Paired:
        """Compare two masks of correct outcomes, shape (n,) each."""
        regressions, fixes = int((champion & ~challenger).sum()), int((~champion & challenger).sum())
        sums = int(champion.sum()), int(challenger.sum())
        return cls(len(champion), *sums, regressions, fixes, mcnemar(regressions, fixes))


def mcnemar(regressions: int, fixes: int) -> float:
    """Return the two-sided p-value of the exact McNemar test (1947): a binomial test of the discordant pairs."""
    if not regressions + fixes:
        return 1.0
    return float(min(1.0, 2 * binom.cdf(min(regressions, fixes), regressions + fixes, 0.5)))


def holm(values: Sequence[float]) -> NDArray[np.float64]:
    """Adjust p-values by Holm's step-down method (1979), which controls the family-wise error rate; in the order given.

    Rejecting those below 5 % keeps the family-wise error rate at 5 %.
    """
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
) -> Difference:
    """Return the difference of macro F1 with the 95 % percentile interval of the paired bootstrap.

    Method: Efron and Tibshirani (1993). Each draw resamples a message together with both predictions, so
    messages that are hard for both do not widen the interval. Messages with the same label and the same two
    predictions are interchangeable, so a draw is multinomial over these kinds. Macro F1 is the mean over the
    labels that occur in the draw (`training.model.evaluation.outcome.macro_f1`). Shapes: (n,), n at least 1.
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
    shares = counts / len(truth)
    drawn = [
        difference(generator.multinomial(len(truth), shares, min(step, draws - at)).astype(np.float64))
        for at in range(0, draws, step)
    ]
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975])
    return Difference(float(difference(counts[None, :].astype(np.float64))[0]), float(low), float(high))


def ece_if_calibrated(confidence: NDArray[np.floating], draws: int, seed: int) -> NDArray[np.float64]:
    """Simulate the calibration error (ECE) of a perfectly calibrated model on n confidences, shape (draws,).

    Each message is drawn as correct with the probability of its confidence, as for the consistency bars of
    reliability diagrams (Broecker and Smith, 2007). The bins are those of `training.model.evaluation.metrics.ece`.
    """
    ordered = np.sort(np.asarray(confidence, dtype=np.float64))
    starts = np.cumsum([0, *(part.size for part in np.array_split(ordered, min(BINS, ordered.size)))])[:-1]
    claimed = np.add.reduceat(ordered, starts)
    generator = np.random.default_rng(seed)
    step = max(1, _CELLS // ordered.size)
    errors = []
    for at in range(0, draws, step):
        right = generator.random((min(step, draws - at), ordered.size)) < ordered
        held = np.add.reduceat(right.astype(np.float64), starts, axis=1)
        errors.append(np.abs(held - claimed).sum(axis=1) / ordered.size)
    return np.concatenate(errors)
