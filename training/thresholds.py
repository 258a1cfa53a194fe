"""Thresholds learned for a target that a person can state: "at most 2 % wrong automatic answers"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.router import MAX_CHOICES, Thresholds
from training.fit import Fitted
from training.metrics import risk, upper_bound

LEVEL = 0.95
# In-scope and out-of-scope rates are bounded apart; together they hold at LEVEL (Bonferroni).
_EACH = 1 - (1 - LEVEL) / 2
_ANSWER_STEPS = 200
_SCOPE_STEPS = 100
# Of the clarifications that are offered, so many must name what was meant.
CLARIFY_HIT = 0.9
# The most in-scope messages that the scope score may send to a person.
MAX_REFUSED = 0.25
# How many it sends there when no out-of-scope message is known.
REFUSED = 0.05


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
    order = np.argsort(-held.probabilities, axis=1, kind="stable")[:, :MAX_CHOICES]
    top = np.take_along_axis(held.probabilities, order, axis=1).astype(np.float64)
    truth = fitted.labels[held.rows]
    return Judged(
        top[:, 0],
        top.sum(axis=1),
        held.scope.astype(np.float64),
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
    """Find the thresholds that answer most while the upper bound of the risk meets the target.

    Every pair of thresholds on a grid is tried. Where no pair can be proved to meet the target (too few rows), the
    pair with the least bound among those whose estimate meets it is taken, and `proved` is False.

    Args:
        inside: out-of-fold judgements of in-scope messages.
        outside_confidence, outside_scope: shape (k,): of out-of-scope messages, k may be 0; then only in-scope
            mistakes can be counted, and the scope threshold is where usual messages end.
        target: the risk asked for.
        share: of all messages in production, how many are out of scope.
    """
    rows, outside_rows = len(inside.right), len(outside_scope)
    # Without out-of-scope messages nothing tells what they score: a stated few of the usual ones are given up.
    refused = np.linspace(0.01, MAX_REFUSED, _SCOPE_STEPS) if outside_rows else np.array([REFUSED])
    scopes = np.quantile(inside.scope, refused)
    answers = np.unique(np.append(np.quantile(inside.confidence, np.linspace(0, 1, _ANSWER_STEPS)), 0.0))
    answered = _passing(inside.confidence, inside.scope, answers, scopes)
    wrong = _passing(inside.confidence[~inside.right], inside.scope[~inside.right], answers, scopes)
    outside = _passing(outside_confidence, outside_scope, answers, scopes)
    counted = share if outside_rows else 0.0
    estimate = risk(wrong / rows, answered / rows, outside / max(outside_rows, 1), counted)
    bound = risk(
        upper_bound(wrong, rows, _EACH if outside_rows else LEVEL),
        answered / rows,
        upper_bound(outside, outside_rows, _EACH),
        counted,
    )
    bound[answered == 0] = 1.0
    met = bound <= target
    proved = bool(met.any())
    if proved:
        best = np.unravel_index(np.argmax(np.where(met, answered, -1)), met.shape)
    else:
        allowed = (estimate <= target) & (answered > 0)
        best = np.unravel_index(np.argmin(np.where(allowed | ~allowed.any(), bound, np.inf)), met.shape)
    row, column = int(best[0]), int(best[1])
    answer, scope = float(answers[row]), float(scopes[column])
    learned = {
        "coverage": float(answered[best] / rows),
        "risk": float(estimate[best]),
        "bound": float(bound[best]),
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
