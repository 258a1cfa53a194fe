"""Fit the classifier with scikit-learn, and say out of fold how it does on messages it was not taught."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from chatbot.classifier import Classifier, Floats, Head, Scope, dense_views, softmax
from chatbot.encoder import Encoded
from chatbot.errors import ChatbotError
from chatbot.lexical import Vocabulary
from training.encoding import Advance, cores, no_progress

# Chosen on Banking77, CLINC150 and Bitext; the table is docs/classifier.md.
REGULARISATION_C = 20.0
LEXICAL_WEIGHT = 0.7
LEXICAL_AXES = 512
SHRINKAGE = 0.1
MAX_TAUGHT = 4_000
# Beyond so many rows three folds tell as much as five, in half the time.
MANY_ROWS = 10_000
MAX_ITERATIONS = 300
TOLERANCE = 1e-4
TEMPERATURES = (0.05, 20.0)


class FitError(ChatbotError):
    """A corpus that no classifier can be fitted to."""

    type = "fit"


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """What models that were not taught a message, nor a near-duplicate of it, say of it.

    Attributes:
        rows: shape (m,): the places of the messages in the corpus; those whose intent has a single group are missing.
        probabilities: shape (m, labels), calibrated; scope: shape (m,).
    """

    rows: NDArray[np.int64]
    probabilities: Floats
    scope: Floats


@dataclass(frozen=True, slots=True)
class Fitted:
    """A classifier, and how it does out of fold; `labels` has the intent of every row it was taught, as a column."""

    classifier: Classifier
    labels: NDArray[np.int64]
    out_of_fold: OutOfFold


def fit(
    encoded: Encoded,
    labels: Sequence[str],
    groups: Sequence[str],
    seed: int = 0,
    advance: Advance = no_progress,
) -> Fitted:
    """Fit head, temperature and scope score.

    Args:
        encoded: n messages; rows labelled `out_of_scope` must not be among them.
        labels: the intent of each.
        groups: near-duplicates share a group, and a group is never on both sides of a fold.
        seed: of the folds and of the sample of taught messages; the same input and seed give the same bits.
        advance: told of each model fitted; there are `folds(n) + 1`.

    Raises:
        FitError: fewer than two intents.
    """
    names, columns = np.unique(np.asarray(labels), return_inverse=True)
    if len(names) < 2:
        raise FitError(
            f"a classifier needs two intents at least; the corpus has {', '.join(names) or 'none'}"
        )
    fold_of = _deal(columns, np.asarray(groups), folds(len(columns)), seed)
    logits = np.full((len(columns), len(names)), -np.inf, dtype=np.float32)
    parts = np.zeros((len(columns), 3), dtype=np.float32)

    def hold_out(fold: int) -> None:
        held = fold_of == fold
        if held.any():
            logits[held], parts[held] = _held_out(encoded, columns, held, len(names), seed)
        advance(1)

    # One model a core with one thread each: faster than one model on all of them, and the same bits on any machine.
    with threadpool_limits(1), ThreadPoolExecutor(cores()) as pool:
        whole = pool.submit(_fit_parts, encoded, columns, len(names), seed)
        for done in [pool.submit(hold_out, fold) for fold in range(folds(len(columns)))]:
            done.result()
        head, scope = whole.result()
    advance(1)
    rows = np.flatnonzero(fold_of >= 0)
    if rows.size == 0:
        # Nothing could be held out: every intent is one group. What is left is to look at the rows themselves.
        rows = np.arange(len(columns))
        views = head.views(encoded)
        logits = head.logits(encoded, views)
        parts = scope.parts(encoded.vectors, views, logits)

    temperature = _temperature(logits[rows], columns[rows])
    spread = np.maximum(parts[rows].std(axis=0), 1e-6)
    scope = replace(scope, usual=np.stack([parts[rows].mean(axis=0), spread]))
    classifier = Classifier(tuple(str(name) for name in names), temperature, head, scope)
    held_out = OutOfFold(rows, softmax(logits[rows] / np.float32(temperature)), scope.score(parts[rows]))
    return Fitted(classifier, columns, held_out)


def folds(rows: int) -> int:
    """How many folds a corpus of so many rows is dealt into."""
    return 5 if rows <= MANY_ROWS else 3


def fit_head(encoded: Encoded, columns: NDArray[np.int64], count: int, seed: int = 0) -> Head:
    """Multinomial logistic regression over the three views.

    The lexical view is learned on its principal axes (latent semantic analysis), which keeps the fit dense and small;
    afterwards the axes are multiplied out, so that serving looks up one row an n-gram.

    Args:
        columns: shape (n,): the label of each message, below `count`; a label without a message is never predicted.
    """
    centres = np.stack([encoded.vectors.mean(axis=0), encoded.middle.mean(axis=0)])
    dense = dense_views(encoded, centres)
    vocabulary = Vocabulary.learn(encoded.tokens)
    counts = vocabulary.count(encoded.tokens)
    sparse = csr_array(
        (counts.values, counts.columns, counts.starts), shape=(len(encoded), len(vocabulary.keys))
    )
    axes = _axes(sparse, seed)
    features = np.hstack([dense, LEXICAL_WEIGHT * (sparse @ axes)]).astype(np.float32)
    known, targets = np.unique(columns, return_inverse=True)
    weights = np.zeros((features.shape[1], count), dtype=np.float32)
    bias = np.full(count, -1e4, dtype=np.float32)
    if len(known) == 1:
        bias[known] = 0.0
    else:
        model = LogisticRegression(C=REGULARISATION_C, tol=TOLERANCE, max_iter=MAX_ITERATIONS).fit(
            features, targets
        )
        # With two classes scikit-learn keeps the weights of the second alone.
        coefficients = model.coef_ if len(known) > 2 else np.vstack([-model.coef_, model.coef_]) / 2
        intercepts = model.intercept_ if len(known) > 2 else np.array([-1.0, 1.0]) * model.intercept_ / 2
        weights[:, known] = coefficients.T
        bias[known] = intercepts
    width = dense.shape[1]
    lexical = LEXICAL_WEIGHT * (axes @ weights[width:])
    return Head(centres, weights[:width], lexical.astype(np.float16), bias, vocabulary.keys, vocabulary.idf)


def _fit_parts(encoded: Encoded, columns: NDArray[np.int64], count: int, seed: int) -> tuple[Head, Scope]:
    head = fit_head(encoded, columns, count, seed)
    return head, _fit_scope(encoded, head.views(encoded).astype(np.float64), columns, count, seed)


def _fit_scope(
    encoded: Encoded, views: NDArray[np.float64], columns: NDArray[np.int64], count: int, seed: int
) -> Scope:
    rows = np.bincount(columns, minlength=count)
    means = np.zeros((count, views.shape[1]))
    np.add.at(means, columns, views)
    means /= np.maximum(rows, 1)[:, None]
    centre = views.mean(axis=0)
    within, overall = _precision(views - means[columns]), _precision(views - centre)
    norms = np.einsum("ij,jk,ik->i", means, within, means, optimize=True)
    # An intent without a row, in a fold, must be nobody's nearest.
    norms[rows == 0] = 1e9
    sample = np.arange(len(columns))
    if len(columns) > MAX_TAUGHT:
        sample = np.sort(np.random.default_rng(seed).choice(len(columns), MAX_TAUGHT, replace=False))
    return Scope(
        quadratic=(overall - within).astype(np.float32),
        linear=(-2 * overall @ centre).astype(np.float32),
        turned=(means @ within).astype(np.float32),
        norms=norms.astype(np.float32),
        taught=encoded.vectors[sample],
        usual=np.stack([np.zeros(3), np.ones(3)]).astype(np.float32),
    )


def _held_out(
    encoded: Encoded, columns: NDArray[np.int64], held: NDArray[np.bool_], count: int, seed: int
) -> tuple[Floats, Floats]:
    """Logits and scope parts of the rows held out, by a model of the others."""
    rest = np.flatnonzero(~held)
    head, scope = _fit_parts(encoded.part(rest), columns[rest], count, seed)
    part = encoded.part(np.flatnonzero(held))
    views = head.views(part)
    logits = head.logits(part, views)
    return logits, scope.parts(part.vectors, views, logits)


def _deal(columns: NDArray[np.int64], groups: NDArray[np.str_], count: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row, -1 for what is never held out.

    The groups of an intent are shuffled and dealt out in turn, so that every fold has its share of every intent; an
    intent with a single group stays with all models, for held out it would be unknown.
    """
    generator = np.random.default_rng(seed)
    fold_of = np.full(len(columns), -1, dtype=np.int64)
    for column in np.unique(columns):
        rows = np.flatnonzero(columns == column)
        names, group_of = np.unique(groups[rows], return_inverse=True)
        if len(names) > 1:
            dealt = generator.permutation(len(names)) + generator.integers(count)
            fold_of[rows] = dealt[group_of] % count
    return fold_of


def _axes(sparse: csr_array, seed: int) -> Floats:
    """The principal axes of the lexical view, shape (vocabulary, axes)."""
    most = min(LEXICAL_AXES, *(size - 1 for size in sparse.shape))
    if most < 1:
        return np.zeros((sparse.shape[1], 1), dtype=np.float32)
    svd = TruncatedSVD(most, n_iter=2, random_state=seed).fit(sparse)
    return np.ascontiguousarray(svd.components_.T, dtype=np.float32)


def _precision(away: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of the covariance, shrunk towards a sphere so that few rows are enough."""
    covariance = away.T @ away / len(away)
    sphere = max(float(np.trace(covariance)) / len(covariance), 1e-9) * np.eye(len(covariance))
    return np.asarray(np.linalg.inv((1 - SHRINKAGE) * covariance + SHRINKAGE * sphere), dtype=np.float64)


def _temperature(logits: Floats, columns: NDArray[np.int64]) -> float:
    """The temperature with the least negative log-likelihood (Guo et al., 2017)."""

    def loss(exponent: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(exponent)
        top = scaled.max(axis=1)
        total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return float((total - scaled[np.arange(len(columns)), columns]).mean())

    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded")
    return round(float(np.exp(found.x)), 6)
