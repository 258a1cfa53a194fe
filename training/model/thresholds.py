"""Learn thresholds for a target risk (selective prediction), such as "at most 2 % wrong answers".

A threshold is a point of the risk-coverage curve. Learn then Test, a method of conformal risk control, proves it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, softmax

from chatbot.dialog.router import MAX_CHOICES, Thresholds
from chatbot.model.classifier import Scores
from training.model.evaluation.metrics import excess_chance, risk, risk_bound, risk_chance
from training.model.fit import Fitted
from training.model.params import TrainParams

LEVEL = 0.95
PROVED, ESTIMATED, NOT_MET, NOT_MEASURED = "proved", "estimated, not proved", "not met", "not measured"
EVIDENCE = ("target", "share", "coverage", "risk", "counted", "bound", "proved", "evidence")
"""Fields of `Learned` that reports show of every target and share."""
_ANSWER_STEPS = 200
# Candidate shares of in-scope messages that the scope threshold hands over to a human.
_REFUSED = (0.01, 0.03, 0.07, 0.13, 0.25)
# Further candidates of the estimate; a proof pays for each candidate with its level.
_REFUSED_ESTIMATED = (0.4, 0.55)
# The share it hands over if there are no out-of-scope messages.
REFUSED = 0.05
# Start points of the fixed sequences of tests: coverage at the answer threshold. The first suits a hard corpus, the
# second one with a few wrong labels among the most confident messages.
_BEGINNINGS = (0.2, 0.5)
# Minimum share of clarifications that offer the right intent.
CLARIFY_HIT = 0.9
# Proved thresholds are used if they answer at least this share of what the estimated ones answer.
PROOF_WORTH = 0.9
# An estimate is dropped where the labels of the held-out rows contradict it with a p-value up to this.
_CONTRADICTED = 0.003


@dataclass(frozen=True, slots=True)
class Judged:
    """Out-of-fold predictions of labelled messages.

    Attributes:
        confidence: shape (n,): of the first choice; choices: shape (n,): sum over the first MAX_CHOICES.
        scope: shape (n,). right: shape (n,): the first choice is right; among: shape (n,): one of the choices
            is right.
        weight: shape (n,): what a message counts; near-duplicates share one count. None: one each.
        doubt: shape (n,): the probability that the first choice is wrong; None: one minus the confidence.
        measured: whether the predictions are out-of-fold; if not, they prove and estimate nothing.
    """

    confidence: NDArray[np.float64]
    choices: NDArray[np.float64]
    scope: NDArray[np.float64]
    right: NDArray[np.bool_]
    among: NDArray[np.bool_]
    weight: NDArray[np.float64] | None = None
    doubt: NDArray[np.float64] | None = None
    measured: bool = True

    def part(self, mask: NDArray[np.bool_]) -> Judged:
        """Return the predictions of the selected messages."""
        chosen: dict[str, Any] = {
            field.name: values[mask]
            if isinstance(values := getattr(self, field.name), np.ndarray)
            else values
            for field in fields(self)
        }
        return Judged(**chosen)

    @property
    def doubts(self) -> NDArray[np.float64]:
        """Return the probability that each message's first choice is wrong, shape (n,)."""
        return 1 - self.confidence if self.doubt is None else self.doubt

    @property
    def weights(self) -> NDArray[np.float64]:
        """Return the weight of each message, shape (n,)."""
        return np.ones(len(self.right)) if self.weight is None else self.weight


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
        coverage: share of in-scope messages answered, "answered" in reports. The score `coverage` counts all messages.
        risk: its estimate: `counted` if proved, else the lower of `counted` and the risk by calibrated confidence.
        counted: wrong by the labels of the held-out rows, label errors included; bound: its 95 % upper bound.
        proved: whether the bound meets the target; evidence: the same for people, PROVED, ESTIMATED, NOT_MET or
            NOT_MEASURED.
        rows, outside_rows: numbers of distinct in-scope and out-of-scope messages used.
        unknown_risk: the risk if the out-of-scope messages are of unknown intents of the corpus's own domain; None:
            the corpus has too few intents to leave some out.
    """

    thresholds: Thresholds
    target: float
    share: float
    coverage: float
    risk: float
    counted: float
    bound: float
    proved: bool
    evidence: str
    rows: int
    outside_rows: int
    curve: Curve
    unknown_risk: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return everything but thresholds and curve, for model.json."""
        return {name: getattr(self, name) for name in (*EVIDENCE, "rows", "outside_rows", "sentence")}

    @property
    def sentence(self) -> str:
        """Describe in a sentence what was asked for, and what is met."""
        asked = f"at most {self.target:.1%} wrong automatic answers"
        at = (
            f", {self.share:.0%} of the messages being out of scope"
            if self.outside_rows
            else ", in-scope messages alone"
        )
        covered = (
            f"{self.coverage:.1%} of the in-scope messages are answered, {self.risk:.2%} of the answers wrong"
        )
        sure = (
            f"the 95 % upper bound is {self.bound:.2%}, learned on {self.rows:,} distinct messages and "
            f"{self.outside_rows:,} out-of-scope messages"
        )
        if self.proved:
            return f"Asked: {asked}{at}. Met, proved: {covered}; {sure}."
        by_label = f"by the labels of the held-out messages {self.counted:.2%}, label errors included"
        if self.evidence == NOT_MEASURED:
            return (
                f"Asked: {asked}{at}. Not measured: every intent is one message and its near-duplicates "
                f"({self.rows:,} distinct messages), so none could be held out. Add differently worded messages."
            )
        if self.evidence == NOT_MET:
            return (
                f"Asked: {asked}{at}. Not met by any threshold; the closest: {covered} ({by_label}); {sure}."
            )
        return (
            f"Asked: {asked}{at}. Estimated, not proved: {covered} ({by_label}). The rows are too few to tell whether "
            f"the target is met: {sure}."
        )


def judge(fitted: Fitted) -> Judged:
    """Return the out-of-fold predictions of a fit."""
    held = fitted.out_of_fold
    found = judged(held.probabilities, held.scope, fitted.labels[held.rows], held.weight)
    doubt = _doubt(held.probabilities, fitted.labels[held.rows], held.weight)
    return replace(found, doubt=doubt, measured=fitted.measured)


def judged(
    probabilities: NDArray[np.floating],
    scope: NDArray[np.floating],
    truth: NDArray[np.integer],
    weight: NDArray[np.float64] | None = None,
) -> Judged:
    """Compare out-of-fold predictions with the labels.

    Shapes: probabilities (n, labels), calibrated; scope, truth (label indices) and weight (n,).
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :MAX_CHOICES]
    top = np.take_along_axis(probabilities, order, axis=1).astype(np.float64)
    return Judged(
        top[:, 0],
        top.sum(axis=1),
        scope.astype(np.float64),
        order[:, 0] == truth,
        (order == truth[:, None]).any(axis=1),
        weight,
    )


def learn_from(inside: Judged, outside: Scores, params: TrainParams) -> Learned:
    """Call `learn` with the classifier's scores of out-of-scope messages and the target and share of `params`."""
    return learn(
        inside,
        outside.probabilities.max(axis=1),
        outside.scope,
        target=params.target,
        share=params.share(len(outside.scope)),
        require_proof=params.require_proof,
    )


def learn(
    inside: Judged,
    outside_confidence: NDArray[np.floating],
    outside_scope: NDArray[np.floating],
    target: float,
    share: float,
    require_proof: bool = False,
) -> Learned:
    """Find the thresholds with the highest coverage whose risk meets the target: proved, else estimated.

    Proved by Learn then Test (Angelopoulos et al., 2021): for each of a few scope thresholds, fixed sequences of
    tests run from strict to loose answer thresholds while the p-value (`risk_chance`) rejects a risk above the
    target, and end at the first pair where it does not. Fixed-sequence testing needs no correction for the
    length of a sequence; the family-wise error rate over the sequences is controlled by Bonferroni.

    If no sequence rejects, or the proved pair answers much less than the estimated one (`PROOF_WORTH`), the pair with
    the highest coverage whose estimated risk meets the target is used, and `proved` is False. Two estimates of the
    in-scope risk exist: the mean doubt (one minus the confidence, calibrated together with the share of wrong
    labels), which few rows and few wrong labels disturb little; and the errors counted by label, plus one. The lower
    one is used, unless the labels contradict it.

    Args:
        inside: out-of-fold predictions of in-scope messages.
        outside_confidence, outside_scope: shape (k,): of out-of-scope messages; k may be 0: then only
            in-scope errors are counted, and the scope threshold is a fixed quantile of the in-scope scores.
        target: the target risk.
        share: share of out-of-scope messages in production.
        require_proof: never use an estimate: if nothing is proved, use the pair that is closest to a proof.
    """
    weights = inside.weights
    rows, outside_rows = float(weights.sum()), len(outside_scope)
    # Without out-of-scope messages their scores are unknown: use a fixed quantile of the in-scope scores.
    provable = _REFUSED if outside_rows else (REFUSED,)
    scopes = np.quantile(inside.scope, (*provable, *(_REFUSED_ESTIMATED if outside_rows else ())))
    answers = np.unique(np.append(np.quantile(inside.confidence, np.linspace(0, 1, _ANSWER_STEPS)), 0.0))

    def passing(values: NDArray[np.floating]) -> NDArray[np.float64]:
        return _passing(values, inside.confidence, inside.scope, answers, scopes)

    answered, wrong = passing(weights), passing(weights * ~inside.right)
    doubt = passing(weights * inside.doubts)
    outside = _passing(np.ones(outside_rows), outside_confidence, outside_scope, answers, scopes)
    counted_share = share if outside_rows else 0.0
    level = 1 - (1 - LEVEL) / (len(_BEGINNINGS) * len(provable))

    def stated(errors: NDArray[np.floating]) -> NDArray[np.float64]:
        return risk(errors / rows, answered / rows, outside / max(outside_rows, 1), counted_share)

    counted = stated(wrong)
    chance = risk_chance(wrong, answered, rows, outside, outside_rows, counted_share, target)
    met = _walked(chance <= 1 - level, (inside.confidence[:, None] >= answers).mean(axis=0))
    met[:, len(provable) :] = False
    met &= inside.measured
    plus_one = (wrong + 1) * answered / (answered + 1)
    estimate = stated(np.minimum(doubt, plus_one))
    # Where the labels contradict the confidence, the labels count.
    contradicted = excess_chance(wrong, answered, target) <= _CONTRADICTED
    estimate = np.where(contradicted, np.maximum(estimate, counted), estimate)
    allowed = (estimate <= target) & (answered > 0) & ~contradicted
    best, proved = _choose(answered, chance, estimate, met, allowed, require_proof)
    row, column = best
    answer, scope = float(answers[row]), float(scopes[column])
    counts = float(wrong[best]), float(answered[best])
    evidence = PROVED if proved else ESTIMATED if allowed[best] else NOT_MET
    return Learned(
        thresholds=Thresholds(answer=answer, clarify=_clarify(inside, answer, scope), scope=scope),
        target=target,
        share=counted_share,
        coverage=float(answered[best] / rows),
        risk=float((counted if proved else estimate)[best]),
        counted=float(counted[best]),
        bound=risk_bound(*counts, rows, int(outside[best]), outside_rows, counted_share, level),
        proved=proved,
        evidence=evidence if inside.measured else NOT_MEASURED,
        rows=round(rows),
        outside_rows=outside_rows,
        curve=Curve(answers, answered[:, column] / rows, (counted if proved else estimate)[:, column]),
    )


def _doubt(
    probabilities: NDArray[np.floating], truth: NDArray[np.integer], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Estimate the probability that each first choice is wrong, were all labels right; shapes as of `judged`.

    Temperature scaling takes wrong labels for errors of the model, and a few of them make it unsure of everything.
    Temperature and share of wrong labels are fitted together: a label is the model's, or any of all with that share.
    """
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-30))
    rows, labels = np.arange(len(truth)), probabilities.shape[1]

    def loss(point: NDArray[np.float64]) -> float:
        scaled = softmax(logits / np.exp(np.clip(point[0], -3, 3)), axis=1)[rows, truth]
        wrong = expit(point[1])
        return float(-np.average(np.log((1 - wrong) * scaled + wrong / labels), weights=weight))

    found = minimize(loss, [0.0, -4.0], method="Nelder-Mead", options={"maxiter": 80}).x
    return np.asarray(1 - softmax(logits / np.exp(np.clip(found[0], -3, 3)), axis=1).max(axis=1))


def _choose(
    answered: NDArray[np.float64],
    chance: NDArray[np.float64],
    estimate: NDArray[np.float64],
    met: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
    require_proof: bool,
) -> tuple[tuple[int, int], bool]:
    """Choose a pair of thresholds, and say whether it is proved; every array has shape (answers, scopes)."""

    def most(among: NDArray[np.bool_]) -> int:
        # Of pairs with equal coverage, the one with the lower estimate.
        return int(np.lexsort((-estimate.ravel(), np.where(among, answered, -1).ravel()))[-1])

    def pair(place: int) -> tuple[int, int]:
        row, column = np.unravel_index(place, met.shape)
        return int(row), int(column)

    enough = PROOF_WORTH * answered[allowed].max() if allowed.any() and not require_proof else 0.0
    if met.any() and answered[met].max() >= enough:
        return pair(most(met)), True
    if require_proof:
        likely = (estimate <= estimate.min()) & (answered > 0) if not allowed.any() else allowed
        return pair(int(np.argmin(np.where(likely, chance, np.inf)))), False
    if allowed.any():
        return pair(most(allowed)), False
    return pair(int(np.argmin(np.where(answered > 0, estimate, np.inf)))), False


def _walked(met: NDArray[np.bool_], sure: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return the pairs proved by fixed-sequence tests, strict to loose, up to the first failure; shape as `met`.

    Args:
        met: shape (answers, scopes), answers ascending: whether the test of each pair rejects.
        sure: shape (answers,): share of messages that pass an answer threshold alone; independent of the labels.
    """
    reached = np.zeros(met.shape, dtype=bool)
    for beginning in _BEGINNINGS:
        on_the_way = (sure >= beginning)[:, None]
        reached |= on_the_way & np.logical_and.accumulate((met | ~on_the_way)[::-1], axis=0)[::-1]
    return reached


def _passing(
    values: NDArray[np.floating],
    confidence: NDArray[np.floating],
    scope: NDArray[np.floating],
    answers: NDArray[np.floating],
    scopes: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Sum the values of the messages that pass each pair of thresholds, shape (answers, scopes)."""
    within = np.where(scope[:, None] >= scopes[None, :], values[:, None], 0.0)
    order = np.argsort(confidence, kind="stable")
    ahead = np.vstack([np.cumsum(within[order][::-1], axis=0)[::-1], np.zeros((1, len(scopes)))])
    return np.asarray(ahead[np.searchsorted(confidence[order], answers, side="left")], dtype=np.float64)


def _clarify(inside: Judged, answer: float, scope: float) -> float:
    """Return the least joint confidence of the choices at which CLARIFY_HIT of them are right."""
    asked = (inside.confidence < answer) & (inside.scope >= scope)
    if not asked.any():
        return CLARIFY_HIT
    order = np.argsort(-inside.choices[asked], kind="stable")
    weights = inside.weights[asked][order]
    hits = np.cumsum(weights * inside.among[asked][order]) / np.cumsum(weights)
    enough = np.flatnonzero(hits >= CLARIFY_HIT)
    # Probabilities of single precision may sum to a little over 1.
    return min(1.0, float(inside.choices[asked][order[enough[-1]]])) if enough.size else 1.0
