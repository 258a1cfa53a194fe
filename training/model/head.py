"""Fit the linear head: scikit-learn's logistic regression on half-whitened encoder layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from chatbot.model.classifier import Floats, Head, views
from chatbot.model.encoder import Encoded
from training.model.blas import one_thread

ColumnNumbers = NDArray[np.int64]
Doubles = NDArray[np.float64]

# Chosen on Banking77, CLINC150 and Bitext; the table is docs/classifier.md.
# scikit-learn's C scales the loss summed over all rows: few rows need a larger C.
STRENGTH_TIMES_ROWS = 100_000.0
STRENGTHS = (10.0, 300.0)
AXES = 768
# Share of the largest variance added to each variance, so that near-zero axes are not amplified.
FLOOR = 1e-4
# Share of the largest standard deviation below which an axis of few rows is rounding error.
NEGLIGIBLE = 1e-6
MAX_ITERATIONS = 300
TOLERANCE = 1e-4
NEVER = -1e4


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, sum and second moments of rows; subtracting a fold's moments avoids recomputing the rest."""

    count: int
    total: Doubles
    squares: Doubles

    @classmethod
    def of(cls, rows: Floats) -> Moments:
        return cls(len(rows), rows.sum(axis=0, dtype=np.float64), (rows.T @ rows).astype(np.float64))

    def without(self, other: Moments) -> Moments:
        return Moments(self.count - other.count, self.total - other.total, self.squares - other.squares)


@one_thread()
def fit_head(encoded: Encoded, columns: ColumnNumbers, count: int) -> Head:
    """Fit the head alone, without folds or calibration.

    `columns` has the label index of each message, below `count`; a label without a message is never predicted.
    """
    rows = views(encoded)
    return head_of(rows, np.arange(len(rows)), columns, count, Moments.of(rows))


def head_of(
    rows: Floats, taught: NDArray[np.int64], columns: ColumnNumbers, count: int, moments: Moments
) -> Head:
    """Fit multinomial logistic regression on half-whitened principal axes.

    Each axis is divided by the root of its standard deviation, a compromise between no whitening and full
    whitening: rare phrases weigh more, noise only slightly more, and the solver takes fewer steps.

    Args:
        rows: shape (n, dim). taught: indices of the training rows.
        columns: label index of each training row, below `count`; a label without a row is never predicted.
        moments: of the training rows.
    """
    # Fewer rows than dimensions have no more axes than rows: their Gram matrix is the smaller one to decompose.
    is_few = len(taught) < rows.shape[1]
    centre, projection = whitening_of_few(rows[taught]) if is_few else whitening(moments)
    # Project all rows, then select: the rows themselves are never copied.
    whitened = (rows @ projection)[taught]
    whitened -= centre @ projection
    known, targets = np.unique(columns, return_inverse=True)
    weights = np.zeros((projection.shape[1], count), dtype=np.float32)
    bias = np.full(count, NEVER, dtype=np.float32)
    if len(known) == 1:
        bias[known] = 0
        return Head(centre, projection, weights, bias)
    strength = float(np.clip(STRENGTH_TIMES_ROWS / len(taught), *STRENGTHS))
    model = LogisticRegression(C=strength, tol=TOLERANCE, max_iter=MAX_ITERATIONS).fit(whitened, targets)
    # With two classes scikit-learn stores only the weights of the second.
    both = len(known) > 2
    weights[:, known] = (model.coef_ if both else np.vstack([-model.coef_, model.coef_]) / 2).T
    bias[known] = model.intercept_ if both else np.array([-0.5, 0.5]) * model.intercept_
    return Head(centre, projection, weights, bias)


def whitening(moments: Moments) -> tuple[Floats, Floats]:
    """Compute mean (dim,) and projection (dim, axes), after which rows have a root mean square length of one.

    Each axis is divided by the square root of its standard deviation: half-way between rotating and whitening.
    """
    centre = moments.total / moments.count
    covariance = moments.squares / moments.count - np.outer(centre, centre)
    variances, axes = np.linalg.eigh(covariance)
    return centre.astype(np.float32), _half_whitened(variances[::-1], axes[:, ::-1], moments.count)


def whitening_of_few(rows: Floats) -> tuple[Floats, Floats]:
    """Compute what `whitening` does from the Gram matrix (n, n) of the rows, which has the same variances.

    An eigenvector v of the Gram matrix of the centred rows X, of the eigenvalue n * variance, gives the axis
    X^T v / sqrt(n * variance): the dual form of principal component analysis.
    """
    centre = rows.mean(axis=0, dtype=np.float64)
    centred = rows - centre
    variances, vectors = np.linalg.eigh(centred @ centred.T / len(rows))
    # Centred rows span at most n - 1 axes; an axis without variance has no direction and adds nothing to a row.
    lengths = np.sqrt(len(rows) * np.maximum(variances[::-1], 0))
    axes = np.divide(
        centred.T @ vectors[:, ::-1],
        lengths,
        where=lengths > NEGLIGIBLE * lengths[0],
        out=np.zeros_like(centred.T),
    )
    return centre.astype(np.float32), _half_whitened(variances[::-1], axes, len(rows))


def _half_whitened(variances: Doubles, axes: Doubles, count: int) -> Floats:
    """Scale the first axes, (dim, many) in falling order of their variances, as `whitening` says."""
    kept = max(1, min(AXES, count - 1, len(variances)))
    variances, axes = np.maximum(variances[:kept], 0), axes[:, :kept]
    # An axis's sign is arbitrary: make its largest entry positive.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(kept)])
    projection = axes * (variances + FLOOR * max(variances[0], 1e-12)) ** -0.25
    length = np.sqrt((variances * (projection**2).sum(axis=0)).sum())
    whitened: Floats = (projection / max(length, 1e-12)).astype(np.float32)
    return whitened
