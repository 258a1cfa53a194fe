"""Thresholds learned for a target that a person can state: "at most 2 % wrong automatic answers"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.router import MAX_CHOICES, Thresholds
from training.fit import Fitted
from training.metrics import risk, risk_bound, risk_chance

LEVEL = 0.95
_ANSWER_STEPS = 200
# The shares of in-scope messages that the scope score may send to a person.
_REFUSED = (0.01, 0.03, 0.07, 0.13, 0.25)
# What it sends there when no out-of-scope message is known.
REFUSED = 0.05
# A walk over answer thresholds begins where this share of the in-scope messages is sure enough: a hard corpus is proved
# from the first on, one with a few wrong labels among the surest from the second.
_BEGINNINGS = (0.2, 0.5)
# Of the clarifications that are offered, so many must name what was meant.
CLARIFY_HIT = 0.9


@dataclass(frozen=True, slots=True)
class Judged:
    """What out-of-fold models say of messages whose label is known.

    Attributes:
        confidence: shape (n,): of the first choice; choices: shape (n,): of the first MAX_CHOICES together.
        scope: shape (n,). right: shape (n,): the first choice holds; among: shape (n,): one of the choices does.
    """

    confidence: NDArray[np.float64]
    choices: NDArray[np.float64]
    scope: NDArray[np.float64]
    right: NDArray[np.bool_]
    among: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Curve:
    """Coverage and risk at each answer threshold, the scope threshold being the chosen one; shape (steps,) each."""

    answer: NDArray[np.float64]
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Learned:
    """Thresholds, and what they were learned for.

    Attributes:
        target, share: the risk asked for, at this share of out-of-scope messages.
        coverage: of in-scope messages, how many are answered; risk: as estimated; bound: its 95 % upper bound.
        proved: whether the bound meets the target.
        rows, outside_rows: what it was learned on.
        sentence: all of it for a person.
    """

    thresholds: Thresholds
    target: float
    share: float
    coverage: float
    risk: float
    bound: float
    proved: bool
    rows: int
    outside_rows: int
    sentence: str
    curve: Curve

    def as_dict(self) -> dict[str, Any]:
        """Everything but the curve, for model.json."""
        names = ("target", "share", "coverage", "risk", "bound", "proved", "rows", "outside_rows", "sentence")
        return {name: getattr(self, name) for name in names}


def judge(fitted: Fitted) -> Judged:
    """The out-of-fold rows of a fit."""
    held = fitted.out_of_fold
    return judged(held.probabilities, held.scope, fitted.labels[held.rows])


def judged(
    probabilities: NDArray[np.floating], scope: NDArray[np.floating], truth: NDArray[np.integer]
) -> Judged:
    """What was said of messages that no model was taught.

    Args:
        probabilities: shape (n, labels), calibrated. scope: shape (n,). truth: shape (n,): the columns of the labels.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :MAX_CHOICES]
    top = np.take_along_axis(probabilities, order, axis=1).astype(np.float64)
    return Judged(
        top[:, 0],
        top.sum(axis=1),
        scope.astype(np.float64),
        order[:, 0] == truth,
        (order == truth[:, None]).any(axis=1),
    )


def learn(
    inside: Judged,
    outside_confidence: NDArray[np.floating],
    outside_scope: NDArray[np.floating],
    target: float,
    share: float,
) -> Learned:
    """Find the thresholds that answer most while the risk is proved to meet the target.

    Learn, then test (Angelopoulos et al., 2021): for each of a few scope thresholds, walks from strict to loose answer
    thresholds go on while so few mistakes would be too rare by chance (`risk_chance`), and end with the first pair
    where they would not. What a walk has passed is proved without paying for its length; what is paid for, by
    Bonferroni, is the number of walks. Where no walk gets anywhere (too few rows), the pair that comes nearest to a
    proof among those whose estimate meets the target is taken, and `proved` is False.

    Args:
        inside: out-of-fold judgements of in-scope messages.
        outside_confidence, outside_scope: shape (k,): of out-of-scope messages, k may be 0; then only in-scope
            mistakes can be counted, and the scope threshold is where usual messages end.
        target: the risk asked for.
        share: of all messages in production, how many are out of scope.
    """
    rows, outside_rows = len(inside.right), len(outside_scope)
    # Without out-of-scope messages nothing tells what they score: a stated few of the usual ones are given up.
    scopes = np.quantile(inside.scope, _REFUSED if outside_rows else (REFUSED,))
    answers = np.unique(np.append(np.quantile(inside.confidence, np.linspace(0, 1, _ANSWER_STEPS)), 0.0))
    answered = _passing(inside.confidence, inside.scope, answers, scopes)
    wrong = _passing(inside.confidence[~inside.right], inside.scope[~inside.right], answers, scopes)
    outside = _passing(outside_confidence, outside_scope, answers, scopes)
    counted = share if outside_rows else 0.0
    level = 1 - (1 - LEVEL) / (len(_BEGINNINGS) * len(scopes))
    estimate = risk(wrong / rows, answered / rows, outside / max(outside_rows, 1), counted)
    chance = risk_chance(wrong, answered, rows, outside, outside_rows, counted, target)
    met = _walked(chance <= 1 - level, (inside.confidence[:, None] >= answers).mean(axis=0))
    proved = bool(met.any())
    if proved:
        best = np.unravel_index(np.argmax(np.where(met, answered, -1)), met.shape)
    else:
        allowed = (estimate <= target) & (answered > 0)
        best = np.unravel_index(np.argmin(np.where(allowed | ~allowed.any(), chance, np.inf)), met.shape)
    row, column = int(best[0]), int(best[1])
    answer, scope = float(answers[row]), float(scopes[column])
    learned = {
        "coverage": float(answered[best] / rows),
        "risk": float(estimate[best]),
        "bound": risk_bound(
            int(wrong[best]), int(answered[best]), rows, int(outside[best]), outside_rows, counted, level
        ),
    }
    return Learned(
        thresholds=Thresholds(answer=answer, clarify=_clarify(inside, answer, scope), scope=scope),
        target=target,
        share=counted,
        proved=proved,
        rows=rows,
        outside_rows=outside_rows,
        sentence=_sentence(target, counted, proved, rows, outside_rows, **learned),
        curve=Curve(answers, answered[:, column] / rows, estimate[:, column]),
        **learned,
    )


def _walked(met: NDArray[np.bool_], sure: NDArray[np.floating]) -> NDArray[np.bool_]:
    """What the walks reach, shape (answers, scopes): from each beginning on, strict to loose, up to the first failure.

    Args:
        met: shape (answers, scopes), answers ascending.
        sure: shape (answers,): the share of messages that pass an answer threshold alone; no label decides it.
    """
    reached = np.zeros(met.shape, dtype=bool)
    for beginning in _BEGINNINGS:
        on_the_way = (sure >= beginning)[:, None]
        reached |= on_the_way & np.logical_and.accumulate((met | ~on_the_way)[::-1], axis=0)[::-1]
    return reached


def _passing(
    confidence: NDArray[np.floating],
    scope: NDArray[np.floating],
    answers: NDArray[np.floating],
    scopes: NDArray[np.floating],
) -> NDArray[np.int64]:
    """How many messages pass each pair of thresholds, shape (answers, scopes)."""
    within = scope[:, None] >= scopes[None, :]
    order = np.argsort(confidence, kind="stable")
    ahead = np.vstack(
        [np.cumsum(within[order][::-1], axis=0)[::-1], np.zeros((1, len(scopes)), dtype=np.int64)]
    )
    return np.asarray(ahead[np.searchsorted(confidence[order], answers, side="left")], dtype=np.int64)


def _clarify(inside: Judged, answer: float, scope: float) -> float:
    """The least joint confidence of the choices from which on CLARIFY_HIT of them hold what was meant."""
    asked = (inside.confidence < answer) & (inside.scope >= scope)
    if not asked.any():
        return CLARIFY_HIT
    order = np.argsort(-inside.choices[asked], kind="stable")
    hits = np.cumsum(inside.among[asked][order]) / np.arange(1, order.size + 1)
    enough = np.flatnonzero(hits >= CLARIFY_HIT)
    return float(inside.choices[asked][order[enough[-1]]]) if enough.size else 1.0


def _sentence(
    target: float,
    share: float,
    proved: bool,
    rows: int,
    outside_rows: int,
    coverage: float,
    risk: float,
    bound: float,
) -> str:
    asked = f"at most {target:.1%} wrong automatic answers"
    at = f", {share:.0%} of the messages being out of scope" if outside_rows else ", in-scope messages alone"
    found = f"{coverage:.1%} of the in-scope messages are answered, {risk:.2%} of the answers wrong"
    sure = f"the 95 % upper bound is {bound:.2%}, learned on {rows:,} and {outside_rows:,} messages"
    if proved:
        return f"Asked: {asked}{at}. Met: {found}; {sure}."
    return f"Asked: {asked}{at}. Not proved, the rows are too few or too hard: {found}; {sure}."
