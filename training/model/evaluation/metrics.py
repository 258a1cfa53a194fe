"""Compute metrics over arrays: calibration, separation, risk."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc
from scipy.stats import beta, rankdata

BINS = 15
# Grid over the split of a risk into its two error rates; the worst split counts.
_TRADES = np.linspace(0, 1, 65)


def ece(
    confidence: NDArray[np.floating],
    right: NDArray[np.bool_],
    bins: int = BINS,
    weight: NDArray[np.floating] | None = None,
) -> float:
    """Return the expected calibration error over bins of equal mass (Nixon et al., 2019), in [0, 1].

    Shapes: (n,), n at least 1. `weight`, not all zero: what each prediction counts; None: one each.
    """
    if weight is not None:
        confidence, right, weight = confidence[weight > 0], right[weight > 0], weight[weight > 0]
    order = np.argsort(confidence, kind="stable")
    mass = np.ones(order.size) if weight is None else np.asarray(weight, dtype=np.float64)[order]
    bins = min(bins, order.size)
    if np.all(mass == mass[0]):
        parts = np.array_split(order, bins)
    else:
        middle = (np.cumsum(mass) - mass / 2) / mass.sum()
        parts = [order[(middle * bins).astype(int) == number] for number in range(bins)]
    total = mass.sum()
    by_row = np.ones(order.size) if weight is None else weight
    gaps = [
        abs(float(np.average(confidence[part] - right[part], weights=by_row[part])))
        * float(by_row[part].sum())
        for part in parts
        if part.size
    ]
    return float(sum(gaps) / total)


def auroc(positive: NDArray[np.floating], negative: NDArray[np.floating]) -> float:
    """Return the probability that a positive scores above a negative, ties counted half (Mann-Whitney)."""
    ranks = rankdata(np.concatenate([positive, negative]))
    wins = float(ranks[: positive.size].sum()) - positive.size * (positive.size + 1) / 2
    return wins / (positive.size * negative.size)


def recall_at_acceptance(
    inside: NDArray[np.floating], outside: NDArray[np.floating], acceptance: float = 0.95
) -> float:
    """Return the share of out-of-scope scores below the threshold that accepts `acceptance` of in-scope scores."""
    return float((outside < np.quantile(inside, 1 - acceptance)).mean())


def upper_bound(
    hits: NDArray[np.integer] | NDArray[np.floating] | float, trials: float, level: float
) -> NDArray[np.float64]:
    """Return a rate's one-sided upper confidence bound (Clopper and Pearson, 1934); 1 without trials."""
    hits = np.asarray(hits)
    if trials == 0:
        return np.ones(hits.shape)
    bound = beta.ppf(level, hits + 1, np.maximum(trials - hits, 1e-9))
    return np.where(hits >= trials, 1.0, bound)


def risk(
    wrong: NDArray[np.floating],
    answered: NDArray[np.floating],
    answered_outside: NDArray[np.floating],
    share: float,
) -> NDArray[np.float64]:
    """Return the risk: wrong / all automatic answers, at a stated out-of-scope share; 0 without answers.

    Args:
        wrong, answered: rates of in-scope messages answered wrongly, and answered at all.
        answered_outside: rate of out-of-scope messages answered.
        share: share of out-of-scope messages among all messages.
    """
    bad = (1 - share) * np.asarray(wrong) + share * np.asarray(answered_outside)
    every = (1 - share) * np.asarray(answered) + share * np.asarray(answered_outside)
    return np.divide(bad, every, out=np.zeros(np.broadcast(bad, every).shape), where=every > 0)


def binomial_cdf(
    hits: NDArray[np.floating] | float, trials: float, rate: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the probability of at most `hits` of `trials`, also for fractional counts (incomplete beta function)."""
    hits, rate = np.asarray(hits, dtype=np.float64), np.clip(rate, 0.0, 1.0)
    left = np.maximum(trials - hits, 1e-9)
    return np.where(hits >= trials, 1.0, betainc(left, hits + 1, 1 - rate))


def excess_chance(
    wrong: NDArray[np.floating], answered: NDArray[np.floating], target: float
) -> NDArray[np.float64]:
    """Return the p-value of the null hypothesis that at most `target` of the answers are wrong; 1 without errors."""
    wrong, answered = np.asarray(wrong, dtype=np.float64), np.asarray(answered, dtype=np.float64)
    chance = betainc(np.maximum(wrong, 1e-9), np.maximum(answered - wrong, 0) + 1, target)
    return np.where(wrong > 0, chance, 1.0)


def risk_chance(
    wrong: NDArray[np.floating] | float,
    answered: NDArray[np.floating] | float,
    rows: float,
    outside: NDArray[np.floating] | float,
    outside_rows: int,
    share: float,
    target: NDArray[np.floating] | float,
) -> NDArray[np.float64]:
    """Return the p-value of the null hypothesis that the risk exceeds the target; 1 if nothing is answered.

    In-scope and out-of-scope errors are independent samples, combined by Fisher's method (1925); among all
    pairs of rates that give exactly the target risk, the pair that explains the counts best is used.

    Args:
        wrong, answered: number of the `rows` in-scope messages answered wrongly, and answered at all; fractional
            where near-duplicates share a count.
        outside: number of the `outside_rows` out-of-scope messages answered; ignored if there are no such rows.
        share: share of out-of-scope messages among all messages.
    """
    wrong, answered, outside = (np.asarray(count)[..., None] for count in (wrong, answered, outside))
    target = np.asarray(target, dtype=np.float64)[..., None]
    allowed = target * answered / max(rows, 1)
    if not outside_rows or not share:
        return np.where(answered > 0, binomial_cdf(wrong, rows, allowed), 1.0)[..., 0]
    inside = allowed * _TRADES
    foreign = np.minimum((1 - share) * (allowed - inside) / (share * (1 - target)), 1.0)
    both = (binomial_cdf(wrong, rows, inside) * binomial_cdf(outside, outside_rows, foreign)).max(axis=-1)
    chance = both * (1 - np.log(np.maximum(both, 1e-300)))
    return np.where(answered[..., 0] > 0, chance, 1.0)


def risk_bound(
    wrong: float,
    answered: float,
    rows: float,
    outside: float,
    outside_rows: int,
    share: float,
    level: float,
) -> float:
    """Return the risk's upper confidence bound: the least target with a p-value up to 1 - `level`, to 1e-4."""
    counts = (wrong, answered, rows, outside, outside_rows, share)
    # The p-value decreases with the target; at target 1 every answer may be wrong.
    below = bisect_left(
        range(1, 10_000), True, key=lambda part: bool(risk_chance(*counts, part / 10_000) <= 1 - level)
    )
    return (below + 1) / 10_000
