"""Fit the classifier with scikit-learn; calibrate and assess it on out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from chatbot.errors import ChatbotError
from chatbot.model.classifier import (
    Classifier,
    Floats,
    Head,
    Likeness,
    Scope,
    Scores,
    blend,
    energy,
    join,
    softmax,
    views,
)
from chatbot.model.encoder import Encoded
from training.model.blas import one_thread
from training.model.distinct import weights
from training.model.encoder.batch import concatenate, cores
from training.model.head import TOLERANCE, ColumnNumbers, Moments, head_of
from training.model.params import ENOUGH_OWN
from training.progress import Advance, no_progress

PROTOTYPES = 8
PROTOTYPE_ROUNDS = 8
FOLDS = 5
AVERAGED = 3
"""Measures of the scope score that are averaged; the penalty follows them."""
REFUSAL_STRENGTH = 1.0
"""Inverse strength of the regularization of the penalty's regression; chosen on out-of-fold rows."""
REFUSAL_ITERATIONS = 300
UNKNOWN_FOLDS = 3
# Enough for a rate; a large corpus would spend minutes on it.
UNKNOWN_ROWS = 6_000
TEMPERATURES = (0.05, 20.0)
LIKENESS_WEIGHTS = (0, 1, 2, 4, 6, 8, 12, 16, 24, 32)
"""Candidates, times the temperature of the head alone, in which logits are measured."""
STANDARD_ERRORS = 2
"""By which the loss of a smaller weight may be above the least one."""
WEIGHED_ROWS = 4_000
"""About so many rows decide the weight: more change nothing, and cost seconds."""
# The scope score is 0.5 at this quantile of the corpus's messages.
LEAST_FAMILIAR = 0.05


class TooFewIntents(ChatbotError):
    """No classifier can be fitted to this corpus."""

    type = "fit"


@dataclass(frozen=True, slots=True)
class OutsideRows:
    """Out-of-scope messages of the corpus, each with its group of near-duplicates."""

    encoded: Encoded
    groups: Sequence[str]


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Out-of-fold predictions: from models trained on neither the message nor a near-duplicate of it.

    Attributes:
        rows: shape (m,): row indices in the corpus; messages of an intent with a single group are missing.
        probabilities: shape (m, labels), calibrated; scope: shape (m,).
        weight: shape (m,): weight of each message: the messages of a group weigh one together.
        fold: shape (m,): the fold that each was held out in, below `FOLDS`.
    """

    rows: ColumnNumbers
    probabilities: Floats
    scope: Floats
    weight: NDArray[np.float64]
    fold: ColumnNumbers


@dataclass(frozen=True, slots=True)
class Fitted:
    """A classifier with its out-of-fold predictions; `labels` is the label index of every training row.

    `measured` is false if nothing could be held out: then the predictions are of training rows and prove nothing.
    `outside` has the scores of the out-of-scope rows, out-of-fold where the scope score learned from them.
    """

    classifier: Classifier
    labels: ColumnNumbers
    out_of_fold: OutOfFold
    measured: bool = True
    outside: Scores = field(
        default_factory=lambda: Scores(np.empty((0, 0), np.float32), np.empty(0, np.float32))
    )

    @property
    def judged(self) -> tuple[ColumnNumbers, Floats]:
        """Return the held-out rows and their out-of-fold probabilities; empty if nothing could be held out."""
        count = len(self.out_of_fold.rows) if self.measured else 0
        return self.out_of_fold.rows[:count], self.out_of_fold.probabilities[:count]


@one_thread()
def fit(
    encoded: Encoded,
    labels: Sequence[str],
    groups: Sequence[str],
    seed: int = 0,
    advance: Advance = no_progress,
    titles: tuple[Encoded, Sequence[str]] | None = None,
    outside: OutsideRows | None = None,
) -> Fitted:
    """Fit the head, temperature and weight of the likeness, and the scope score (out-of-distribution score).

    Args:
        encoded: n messages with `labels`; rows labelled `out_of_scope` must not be among them.
        groups: near-duplicates share a group, also across intents (`training.model.distinct`); a group is never
            split across folds, and counts once in the calibration.
        seed: the same input and seed give the same bits, on any number of cores.
        advance: called for each fitted model; there are `FOLDS + 1`.
        titles: names of intents as text, and the intent of each: taught to the head of every model, and never
            evaluated. Where an intent has few messages, its name says most about it.
        outside: out-of-scope rows: scored, and from `ENOUGH_OWN` distinct ones on taught to the scope score.

    Raises: TooFewIntents: fewer than two intents.
    """
    names, columns = np.unique(np.asarray(labels), return_inverse=True)
    if len(names) < 2:
        there = ", ".join(names) or "none"
        raise TooFewIntents(f"a classifier needs at least two intents; the corpus has {there}")
    _, group_of = np.unique(np.asarray(groups), return_inverse=True)
    fold_of = _deal(columns, group_of, seed)
    rows, targets = encoded, columns
    if titles is not None:
        rows = concatenate([encoded, titles[0]])
        targets = np.concatenate([columns, np.searchsorted(names, np.asarray(titles[1], dtype=names.dtype))])
    folds_of = np.concatenate([fold_of, np.full(len(targets) - len(columns), -1)])
    outside_fold = _folds_outside(outside, seed)
    final, *by_fold = _fit_without(
        rows,
        targets,
        names,
        [np.zeros(len(targets), dtype=bool), *(folds_of == k for k in range(FOLDS))],
        seed,
        advance,
        len(columns),
        None if outside is None or outside_fold is None else (outside.encoded, outside_fold),
    )
    logits, alike = np.empty((2, len(columns), len(names)), dtype=np.float32)
    measures = np.empty((len(columns), AVERAGED), dtype=np.float32)
    for fold, model in enumerate(by_fold):
        held = np.flatnonzero(fold_of == fold)
        logits[held], alike[held], measures[held] = model.terms(encoded.part(held))
    scored = np.flatnonzero(fold_of >= 0)
    measured = bool(scored.size)
    if not measured:
        # Nothing can be held out (every intent is one group): use the training rows.
        scored = np.arange(len(columns))
        logits, alike, measures = final.terms(encoded)
    weight = weights(group_of[scored])
    likeness = final.likeness
    if measured:
        term = _weigh(logits[scored], alike[scored], columns[scored], weight, group_of[scored])
        likeness = replace(likeness, weight=term)
    raised, scored_measures = blend(logits[scored], alike[scored], measures[scored], likeness.weight)
    temperature = _temperature(raised, columns[scored], weight)
    calibrated = _calibrated(final.scope, scored_measures)
    classifier = replace(final, temperature=temperature, scope=calibrated, likeness=likeness)
    probabilities = softmax(raised / np.float32(temperature))
    scope = calibrated.score(scored_measures)
    out_of_fold = OutOfFold(scored, probabilities, scope, weight, np.maximum(fold_of[scored], 0))
    fitted = Fitted(classifier, columns, out_of_fold, measured)
    if outside is None:
        return fitted
    if outside_fold is None:
        return replace(fitted, outside=classifier.score(outside.encoded))
    scores = []
    places = [np.flatnonzero(outside_fold == fold) for fold in range(FOLDS)]
    for model, place in zip(by_fold, places, strict=True):
        scores.append(_calibrated_as(model, classifier).score(outside.encoded.part(place)))
    return replace(fitted, outside=join(*scores).part(np.argsort(np.concatenate(places))))


def _folds_outside(outside: OutsideRows | None, seed: int) -> ColumnNumbers | None:
    """Assign a fold to each out-of-scope row, the same to near-duplicates; None: too few rows to learn from."""
    if outside is None or len(set(outside.groups)) < ENOUGH_OWN:
        return None
    return folds_of_groups(outside.groups, seed)


def folds_of_groups(groups: Sequence[str], seed: int) -> ColumnNumbers:
    """Assign a fold to each row, the same to all rows of a group; shape (n,)."""
    distinct, group_of = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    folds: ColumnNumbers = (np.random.default_rng(seed).permutation(len(distinct)) % FOLDS)[group_of]
    return folds


def _calibrated_as(model: Classifier, final: Classifier) -> Classifier:
    scope = replace(model.scope, usual=final.scope.usual, scale=final.scope.scale)
    likeness = replace(model.likeness, weight=final.likeness.weight)
    return replace(model, temperature=final.temperature, scope=scope, likeness=likeness)


@one_thread()
def score_unknown(
    encoded: Encoded,
    fitted: Fitted,
    seed: int = 0,
    advance: Advance = no_progress,
    outside: Encoded | None = None,
) -> Scores:
    """Score messages of intents that the model was not taught: each intent is left out of one of a few models.

    They represent the out-of-scope messages that are hardest to recognise: those of the corpus's own domain.

    Args:
        encoded: the messages that `fitted` was fitted on.
        advance: called for each fitted model; there are `UNKNOWN_FOLDS`.
        outside: the out-of-scope messages, if `fitted` was given any.

    Returns: scores of a sample of the messages; empty if the corpus has too few intents to leave any out.
    """
    names = np.asarray(fitted.classifier.labels)
    generator = np.random.default_rng(seed)
    if len(names) < 2 * UNKNOWN_FOLDS:
        advance(UNKNOWN_FOLDS)
        return fitted.classifier.score(encoded.part(np.empty(0, dtype=np.int64)))
    rows = np.sort(generator.permutation(len(encoded))[:UNKNOWN_ROWS])
    part, columns = encoded.part(rows), fitted.labels[rows]
    fold_of = (generator.permutation(len(names)) % UNKNOWN_FOLDS)[columns]
    left_out = [fold_of == fold for fold in range(UNKNOWN_FOLDS)]
    scores: list[Scores] = []
    refused = None
    if outside is not None and fitted.classifier.scope.refusal.size:
        refused = outside, np.full(len(outside), FOLDS)  # held out of none
    models = _fit_without(part, columns, names, left_out, seed, advance, outside=refused)
    for model, mask in zip(models, left_out, strict=True):
        scores.append(_calibrated_as(model, fitted.classifier).score(part.part(np.flatnonzero(mask))))
    return join(*scores)


def _fit_without(
    encoded: Encoded,
    columns: ColumnNumbers,
    names: NDArray[np.str_],
    held_out: Sequence[NDArray[np.bool_]],
    seed: int,
    advance: Advance,
    messages: int | None = None,
    outside: tuple[Encoded, ColumnNumbers] | None = None,
) -> list[Classifier]:
    """Fit one uncalibrated model per mask on the rows outside it, in parallel on all cores.

    Args:
        messages: only so many rows, from the first on, are messages, of which the penalty learns; None: all.
        outside: out-of-scope messages for the penalty, and the fold of each: the model of the mask with number
            fold + 1 does not learn from it. None: no penalty.
    """
    rows = views(encoded)
    whole = Moments.of(rows)

    def one(number: int, mask: NDArray[np.bool_]) -> Classifier:
        moments = whole.without(Moments.of(rows[mask])) if mask.any() else whole
        taught = np.flatnonzero(~mask)
        head = head_of(rows, taught, columns[taught], len(names), moments)
        familiar = taught[taught < (len(columns) if messages is None else messages)]
        scope, likeness = _fit_scope(encoded.vectors[taught], columns[taught], head, seed)
        if outside is not None:
            refused = outside[0].part(np.flatnonzero(outside[1] != number - 1))
            refusal = _fit_refusal(head.whiten(encoded.part(familiar)), head.whiten(refused))
            scope = replace(scope, refusal=refusal)
        advance(1)
        return Classifier(tuple(str(name) for name in names), 1.0, head, scope, likeness)

    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(one, range(len(held_out)), held_out))


def _fit_scope(vectors: Floats, columns: ColumnNumbers, head: Head, seed: int) -> tuple[Scope, Likeness]:
    centred = vectors - head.centre[: vectors.shape[1]]
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), np.float32(1e-9))
    prototypes = [cluster_means(centred[columns == column], seed) for column in range(len(head.bias))]
    counts = np.asarray([len(some) for some in prototypes], dtype=np.int64)
    directions = head.weights / np.maximum(
        np.linalg.norm(head.weights, axis=0, keepdims=True), np.float32(1e-9)
    )
    usual = np.stack([np.zeros(AVERAGED), np.ones(AVERAGED)]).astype(np.float32)
    scope = Scope(np.concatenate(prototypes), directions, usual, np.array([0, 1], dtype=np.float32))
    return scope, Likeness(counts, np.zeros(1, dtype=np.float32))


def _fit_refusal(inside: Floats, refused: Floats) -> Floats:
    """Fit the log odds of being in scope; both sides weigh the same in sum."""
    features = np.concatenate([inside, refused])
    model = LogisticRegression(
        C=REFUSAL_STRENGTH, class_weight="balanced", tol=TOLERANCE, max_iter=REFUSAL_ITERATIONS
    ).fit(features, np.arange(len(features)) < len(inside))
    return np.append(model.coef_[0], model.intercept_).astype(np.float32)


def cluster_means(vectors: Floats, seed: int) -> Floats:
    """Cluster unit vectors by spherical k-means (Dhillon and Modha, 2001); return few vectors unchanged."""
    if len(vectors) <= PROTOTYPES:
        return vectors
    means = vectors[np.random.default_rng(seed).choice(len(vectors), PROTOTYPES, replace=False)]
    for _ in range(PROTOTYPE_ROUNDS):
        nearest = (vectors @ means.T).argmax(axis=1)
        sums = np.eye(PROTOTYPES, dtype=np.float32)[nearest].T @ vectors
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        means = np.where(length > 0, sums / np.maximum(length, np.float32(1e-9)), means)
    return means


def _calibrated(scope: Scope, measures: Floats) -> Scope:
    averaged = measures[:, :AVERAGED]
    usual = np.stack([averaged.mean(axis=0), np.maximum(averaged.std(axis=0), 1e-6)])
    total = replace(scope, usual=usual).total(measures)
    scale = [np.quantile(total, LEAST_FAMILIAR), max(float(total.std()), 1e-6)]
    return replace(scope, usual=usual, scale=np.array(scale, dtype=np.float32))


def _deal(columns: ColumnNumbers, group_of: ColumnNumbers, seed: int) -> ColumnNumbers:
    """Assign a fold to each row; -1: never held out.

    The groups of an intent are shuffled and assigned round-robin, so that every fold has its share of every
    intent; a group that several intents share goes where the first one has it. An intent with a single group stays
    in the training set of all models, with the whole group: held out, it would be unknown.
    """
    generator = np.random.default_rng(seed)
    fold_of_group = np.full(group_of.max(initial=-1) + 1, -1, dtype=np.int64)
    kept: list[int] = []
    for column in np.unique(columns):
        names = np.unique(group_of[columns == column])
        if len(names) > 1:
            dealt = (generator.permutation(len(names)) + generator.integers(FOLDS)) % FOLDS
            fold_of_group[names] = np.where(fold_of_group[names] < 0, dealt, fold_of_group[names])
            if len(np.unique(fold_of_group[names])) == 1:
                kept.append(int(names[0]))
        else:
            kept.extend(names.tolist())
    fold_of_group[kept] = -1
    return np.asarray(fold_of_group[group_of])


def _weigh(
    logits: Floats,
    alike: Floats,
    columns: ColumnNumbers,
    weight: NDArray[np.float64],
    group_of: ColumnNumbers,
) -> Floats:
    """Find the weight of the likeness with the least loss, or the least weight within two standard errors of it.

    The rule of Breiman et al. (1984), stricter, paired and by groups: without a clear gain, the weight is 0.
    """
    rows = np.arange(0, len(columns), 1 + len(columns) // WEIGHED_ROWS)
    logits, alike, columns, weight = logits[rows], alike[rows], columns[rows], weight[rows]
    group = np.unique(group_of[rows], return_inverse=True)[1]
    candidates = _temperature(logits, columns, weight) * np.array(LIKENESS_WEIGHTS, dtype=np.float32)

    def losses(candidate: np.float32) -> NDArray[np.float64]:
        raised = logits + candidate * alike
        temperature = _temperature(raised, columns, weight)
        return np.asarray(
            np.bincount(group, weight * _losses(raised, columns, temperature)), dtype=np.float64
        )

    found = np.stack([losses(candidate) for candidate in candidates])
    worse = found - found[found.mean(axis=1).argmin()]
    close = worse.mean(axis=1) <= STANDARD_ERRORS * worse.std(axis=1) / np.sqrt(found.shape[1])
    return np.asarray(candidates[[close.argmax()]], dtype=np.float32)


def _temperature(logits: Floats, columns: ColumnNumbers, weight: NDArray[np.float64]) -> float:
    """Find the temperature with the least negative log-likelihood (temperature scaling; Guo et al., 2017)."""

    def loss(exponent: float) -> float:
        return float(np.average(_losses(logits, columns, np.exp(exponent)), weights=weight))

    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded")
    return round(float(np.exp(found.x)), 6)


def _losses(logits: Floats, columns: ColumnNumbers, temperature: float) -> NDArray[np.float64]:
    """Compute the negative log-likelihood of each row."""
    scaled = logits.astype(np.float64) / temperature
    return np.asarray(energy(scaled) - scaled[np.arange(len(columns)), columns])
