"""Compare two classifiers on the same messages: exact McNemar test, Holm adjustment, paired bootstrap."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import binom

from training.model.distinct import weights
from training.model.evaluation.metrics import BINS

Groups = NDArray[np.int64]
"""The group of near-duplicates of each of n messages, numbers from 0, shape (n,): a group is one piece of evidence."""

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

    `regressions` were right before and are wrong now, `fixes` the reverse; near-duplicates have one vote together.
    `p` is the two-sided p-value of the exact McNemar test.
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
    def of(
        cls, champion: NDArray[np.bool_], challenger: NDArray[np.bool_], groups: Groups | None = None
    ) -> Paired:
        """Compare two masks of correct outcomes, shape (n,) each; a group votes for its net change."""
        changes = challenger.astype(np.int64) - champion
        if groups is not None:
            changes = np.bincount(groups, changes)
        regressions, fixes = int((changes < 0).sum()), int((changes > 0).sum())
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
    groups: Groups | None = None,
) -> Difference:
    """Return the difference of macro F1 with the 95 % percentile interval of the paired bootstrap.

    Method: Efron and Tibshirani (1993). Each draw resamples a message together with both predictions, so
    messages that are hard for both do not widen the interval. Messages with the same label and the same two
    predictions are interchangeable, so a draw is multinomial over these kinds. Of `groups`, whole ones are drawn
    (cluster bootstrap), and each weighs one: they are interchangeable if their messages are. Macro F1 is the mean over
    the labels that occur in the draw (`training.model.evaluation.outcome.macro_f1`). Shapes: (n,), n at least 1.
    """
    labels = np.unique(np.concatenate([truth, champion, challenger]))
    triples = np.stack([np.searchsorted(labels, side) for side in (truth, champion, challenger)], axis=1)
    kinds, kind_of = np.unique(triples, axis=0, return_inverse=True)
    profiles, counts = _profiles(kind_of.reshape(-1), len(kinds), groups)
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
    step = max(1, _CELLS // max(len(counts), len(kinds), len(labels)))
    total = int(counts.sum())
    drawn = [
        difference(generator.multinomial(total, counts / total, min(step, draws - at)) @ profiles)
        for at in range(0, draws, step)
    ]
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975])
    return Difference(float(difference(counts[None, :] @ profiles)[0]), float(low), float(high))


def _profiles(
    kind_of: NDArray[np.int64], kinds: int, groups: Groups | None
) -> tuple[csr_array, NDArray[np.int64]]:
    """Return the distinct groups by the share of each kind of message in them, (p, kinds), and how many are such."""
    members: dict[int, list[int]] = defaultdict(list)
    for kind, group in zip(
        kind_of.tolist(), range(len(kind_of)) if groups is None else groups.tolist(), strict=True
    ):
        members[group].append(kind)
    # One kind throughout: the same as one message of it.
    found = Counter(tuple(sorted(m)) if len({*m}) > 1 else (m[0],) for m in members.values())
    ordered = sorted(found)
    rows = np.repeat(np.arange(len(ordered)), [len(profile) for profile in ordered])
    columns = np.concatenate([np.asarray(profile) for profile in ordered])
    each = np.concatenate([np.full(len(profile), 1 / len(profile)) for profile in ordered])
    shape = (len(ordered), kinds)
    return csr_array((each, (rows, columns)), shape=shape), np.asarray([found[one] for one in ordered])


def ece_if_calibrated(
    confidence: NDArray[np.floating], draws: int, seed: int, groups: Groups | None = None
) -> NDArray[np.float64]:
    """Simulate the calibration error (ECE) of a perfectly calibrated model on n confidences, shape (draws,).

    Each message is drawn as correct with the probability of its confidence, as for the consistency bars of
    reliability diagrams (Broecker and Smith, 2007); the messages of a group together, and they weigh one. The bins are
    those of `training.model.evaluation.metrics.ece`.
    """
    order = np.argsort(confidence, kind="stable")
    ordered = np.asarray(confidence, dtype=np.float64)[order]
    weight = np.ones(ordered.size) if groups is None else weights(groups)[order]
    starts = _bin_starts(weight)
    claimed = np.add.reduceat(ordered * weight, starts)
    drawn_as = np.arange(ordered.size) if groups is None else _by_appearance(groups[order])
    generator = np.random.default_rng(seed)
    step = max(1, _CELLS // ordered.size)
    errors = []
    for at in range(0, draws, step):
        chance = generator.random((min(step, draws - at), int(drawn_as.max()) + 1))
        held = np.add.reduceat((chance[:, drawn_as] < ordered) * weight, starts, axis=1)
        errors.append(np.abs(held - claimed).sum(axis=1) / weight.sum())
    return np.concatenate(errors)


def _bin_starts(weight: NDArray[np.float64]) -> NDArray[np.int64]:
    bins = min(BINS, weight.size)
    if np.all(weight == weight[0]):
        return np.cumsum([0, *(part.size for part in np.array_split(weight, bins))])[:-1]
    middle = (np.cumsum(weight) - weight / 2) / weight.sum()
    return np.unique((middle * bins).astype(int), return_index=True)[1]


def _by_appearance(groups: Groups) -> Groups:
    """Number groups in the order of their first messages."""
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[place])
