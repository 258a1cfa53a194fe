"""Scores over arrays: calibration, separation, risk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr
from scipy.stats import beta, rankdata

BINS = 15
# How finely the two rates that make up a risk are traded for each other; the worst trade counts.
_TRADES = np.linspace(0, 1, 65)


def ece(confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Expected calibration error over bins of equal mass (Nixon et al., 2019), from 0 to 1.

    Args:
        confidence: shape (n,), n at least 1.
        right: shape (n,): whether the prediction held.
    """
    order = np.argsort(confidence, kind="stable")
    gaps = [
        abs(float(confidence[part].mean()) - float(right[part].mean())) * part.size
        for part in np.array_split(order, min(bins, order.size))
    ]
    return float(sum(gaps) / order.size)


def auroc(positive: NDArray[np.floating], negative: NDArray[np.floating]) -> float:
    """The probability that a positive scores above a negative, ties counted half (Mann-Whitney)."""
    ranks = rankdata(np.concatenate([positive, negative]))
    wins = float(ranks[: positive.size].sum()) - positive.size * (positive.size + 1) / 2
    return wins / (positive.size * negative.size)


def recall_at_acceptance(
    inside: NDArray[np.floating], outside: NDArray[np.floating], acceptance: float = 0.95
) -> float:
    """The share of out-of-scope scores below the threshold that lets `acceptance` of the in-scope scores pass."""
    return float((outside < np.quantile(inside, 1 - acceptance)).mean())


def upper_bound(hits: NDArray[np.integer] | int, trials: int, level: float) -> NDArray[np.float64]:
    """The one-sided upper confidence bound of a rate (Clopper and Pearson, 1934); 1 where there are no trials."""
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
    """Wrong automatic answers over all automatic answers, at a stated out-of-scope share; 0 where nothing is answered.

    Args:
        wrong: the rate of in-scope messages that are answered wrongly.
        answered: the rate of in-scope messages that are answered.
        answered_outside: the rate of out-of-scope messages that are answered.
        share: of all messages, how many are out of scope.
    """
    bad = (1 - share) * np.asarray(wrong) + share * np.asarray(answered_outside)
    every = (1 - share) * np.asarray(answered) + share * np.asarray(answered_outside)
    return np.divide(bad, every, out=np.zeros(np.broadcast(bad, every).shape), where=every > 0)


def risk_chance(
    wrong: NDArray[np.integer] | int,
    answered: NDArray[np.integer] | int,
    rows: int,
    outside: NDArray[np.integer] | int,
    outside_rows: int,
    share: float,
    target: NDArray[np.floating] | float,
) -> NDArray[np.float64]:
    """How probable so few mistakes are at most, if the risk is above the target: a p-value.

    In-scope and out-of-scope mistakes are independent samples, put together by Fisher's method (1925); of all pairs of
    rates that make up a risk of just the target, the one that explains the counts best is taken. 1 where nothing is
    answered.

    Args:
        wrong, answered: how many of `rows` in-scope messages are answered wrongly, and at all.
        outside: how many of `outside_rows` out-of-scope messages are answered; without rows they are not counted.
        share: of all messages, how many are out of scope.
        target: the risk.
    """
    wrong, answered, outside = (np.asarray(count)[..., None] for count in (wrong, answered, outside))
    target = np.asarray(target, dtype=np.float64)[..., None]
    allowed = target * answered / max(rows, 1)
    if not outside_rows or not share:
        return np.where(answered > 0, bdtr(wrong, rows, allowed), 1.0)[..., 0]
    inside = allowed * _TRADES
    foreign = np.minimum((1 - share) * (allowed - inside) / (share * (1 - target)), 1.0)
    both = (bdtr(wrong, rows, inside) * bdtr(outside, outside_rows, foreign)).max(axis=-1)
    chance = both * (1 - np.log(np.maximum(both, 1e-300)))
    return np.where(answered[..., 0] > 0, chance, 1.0)


def risk_bound(
    wrong: int, answered: int, rows: int, outside: int, outside_rows: int, share: float, level: float
) -> float:
    """The upper confidence bound of the risk: the least target that `risk_chance` leaves below 1 - `level`, to 1e-4."""
    targets = np.arange(1, 10_000) / 10_000
    chance = risk_chance(wrong, answered, rows, outside, outside_rows, share, targets)
    held = np.flatnonzero(chance > 1 - level)
    return (
        float(targets[held[-1] + 1])
        if held.size and held[-1] + 1 < targets.size
        else 1.0
        if held.size
        else 1e-4
    )
