"""Learn thresholds for a target risk (selective prediction), such as "at most 2 % wrong answers"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.dialog.router import MAX_CHOICES, Thresholds
from chatbot.model.classifier import Scores
from training.model.evaluation.metrics import risk, risk_bound, risk_chance
from training.model.fit import Fitted
from training.model.params import TrainParams

LEVEL = 0.95
_ANSWER_STEPS = 200
# Candidate shares of in-scope messages that the scope threshold hands over to a human.
_REFUSED = (0.01, 0.03, 0.07, 0.13, 0.25)
# The share it hands over if there are no out-of-scope messages.
REFUSED = 0.05
# Start points of the fixed sequences of tests: coverage at the answer threshold. The first suits a hard corpus, the
# second one with a few wrong labels among the most confident messages.
_BEGINNINGS = (0.2, 0.5)
# Minimum share of clarifications that offer the right intent.
CLARIFY_HIT = 0.9


@dataclass(frozen=True, slots=True)
class Judged:
    """Out-of-fold predictions of labelled messages.

    Attributes:
        confidence: shape (n,): of the first choice; choices: shape (n,): sum over the first MAX_CHOICES.
        scope: shape (n,). right: shape (n,): the first choice is right; among: shape (n,): one of the choices
            is right.
    """

    confidence: NDArray[np.float64]
    choices: NDArray[np.float64]
    scope: NDArray[np.float64]
    right: NDArray[np.bool_]
    among: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Curve:
    """Risk-coverage curve over the answer thresholds, at the chosen scope threshold; shape (steps,) each."""

    answer: NDArray[np.float64]
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Learned:
    """Learned thresholds, with their target and evidence.

    Attributes:
        target, share: the target risk, at this share of out-of-scope messages.
        coverage: share of in-scope messages answered; risk: its estimate; bound: its 95 % upper bound.
        proved: whether the bound meets the target.
        rows, outside_rows: numbers of in-scope and out-of-scope messages used.
        sentence: a summary for people.
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
        """Return everything but the curve, for model.json."""
        names = ("target", "share", "coverage", "risk", "bound", "proved", "rows", "outside_rows", "sentence")
        return {name: getattr(self, name) for name in names}


def judge(fitted: Fitted) -> Judged:
    """Return the out-of-fold predictions of a fit."""
    held = fitted.out_of_fold
    return judged(held.probabilities, held.scope, fitted.labels[held.rows])


def judged(
    probabilities: NDArray[np.floating], scope: NDArray[np.floating], truth: NDArray[np.integer]
) -> Judged:
    """Compare out-of-fold predictions with the labels.

    Args:
        probabilities: shape (n, labels), calibrated. scope: shape (n,). truth: shape (n,): label indices.
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


def learn_from(inside: Judged, outside: Scores, params: TrainParams) -> Learned:
    """Call `learn` with the classifier's scores of out-of-scope messages and the target and share of `params`."""
    return learn(
        inside,
        outside.probabilities.max(axis=1),
        outside.scope,
        target=params.target,
        share=params.out_of_scope_share,
    )


def learn(
    inside: Judged,
    outside_confidence: NDArray[np.floating],
    outside_scope: NDArray[np.floating],
    target: float,
    share: float,
) -> Learned:
    """Find the thresholds with the highest coverage whose risk is proved to meet the target.

    Learn then Test (Angelopoulos et al., 2021): for each of a few scope thresholds, fixed sequences of tests
    run from strict to loose answer thresholds while the p-value (`risk_chance`) rejects a risk above the
    target, and end at the first pair where it does not. Fixed-sequence testing needs no correction for the
    length of a sequence; the family-wise error rate over the sequences is controlled by Bonferroni. If no
    sequence rejects (too few rows), the pair with the least p-value among those whose estimate meets the
    target is used, and `proved` is False.

    Args:
        inside: out-of-fold predictions of in-scope messages.
        outside_confidence, outside_scope: shape (k,): of out-of-scope messages; k may be 0: then only
            in-scope errors are counted, and the scope threshold is a fixed quantile of the in-scope scores.
        target: the target risk.
        share: share of out-of-scope messages in production.
    """
    rows, outside_rows = len(inside.right), len(outside_scope)
    # Without out-of-scope messages their scores are unknown: use a fixed quantile of the in-scope scores.
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
    """Return the pairs proved by fixed-sequence tests, strict to loose, up to the first failure.

    Args:
        met: shape (answers, scopes), answers ascending: whether the test of each pair rejects.
        sure: shape (answers,): share of messages that pass an answer threshold alone; independent of the
            labels.

    Returns:
        shape (answers, scopes).
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
    """Count the messages that pass each pair of thresholds, shape (answers, scopes)."""
    within = scope[:, None] >= scopes[None, :]
    order = np.argsort(confidence, kind="stable")
    ahead = np.vstack(
        [np.cumsum(within[order][::-1], axis=0)[::-1], np.zeros((1, len(scopes)), dtype=np.int64)]
    )
    return np.asarray(ahead[np.searchsorted(confidence[order], answers, side="left")], dtype=np.int64)


def _clarify(inside: Judged, answer: float, scope: float) -> float:
    """Return the least joint confidence of the choices at which CLARIFY_HIT of them are right."""
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
