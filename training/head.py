"""The linear head: logistic regression of scikit-learn over half-whitened layers of the encoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from chatbot.classifier import Floats, Head, views
from chatbot.encoder import Encoded
from training.threads import one_thread

Columns = NDArray[np.int64]
Doubles = NDArray[np.float64]

# Chosen on Banking77, CLINC150 and Bitext; the table is docs/classifier.md.
# scikit-learn's C weighs the sum over all rows against the penalty: few rows need a larger one.
STRENGTH_TIMES_ROWS = 100_000.0
STRENGTHS = (10.0, 300.0)
AXES = 768
# A share of the largest variance is added to each, so that axes with next to none are not blown up.
FLOOR = 1e-4
MAX_ITERATIONS = 300
TOLERANCE = 1e-4
NEVER = -1e4


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, sum and squares of rows: a fold's are taken off the corpus's, the rest is never added up again."""

    count: int
    total: Doubles
    squares: Doubles

    @classmethod
    def of(cls, rows: Floats) -> Moments:
        return cls(len(rows), rows.sum(axis=0, dtype=np.float64), (rows.T @ rows).astype(np.float64))

    def without(self, other: Moments) -> Moments:
        return Moments(self.count - other.count, self.total - other.total, self.squares - other.squares)


@one_thread()
def fit_head(encoded: Encoded, columns: Columns, count: int) -> Head:
    """The head alone, without folds or calibration.

    Args:
        columns: shape (n,): the label of each message, below `count`; a label without a message is never claimed.
    """
    rows = views(encoded)
    return head_of(rows, np.arange(len(rows)), columns, count, Moments.of(rows))


def head_of(rows: Floats, taught: NDArray[np.int64], columns: Columns, count: int, moments: Moments) -> Head:
    """Multinomial logistic regression on half-whitened principal axes.

    Dividing an axis by the root of its standard deviation stands between leaving it as it is and whitening it:
    rare turns of phrase weigh more, noise not too much, and the fit takes fewer steps.

    Args:
        rows: shape (n, dim). taught: the places of those that are taught.
        columns: the label of each of these, below `count`; a label without a row is never claimed.
        moments: of the rows taught.
    """
    centre, projection = whitening(moments)
    # All rows are projected, and then some taken: the rows themselves are never copied.
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
    # With two classes scikit-learn keeps the weights of the second alone.
    both = len(known) > 2
    weights[:, known] = (model.coef_ if both else np.vstack([-model.coef_, model.coef_]) / 2).T
    bias[known] = model.intercept_ if both else np.array([-0.5, 0.5]) * model.intercept_
    return Head(centre, projection, weights, bias)


def whitening(moments: Moments, power: float = 0.5) -> tuple[Floats, Floats]:
    """Mean and projection, scaled so that projected rows have a root mean square length of one.

    Args:
        power: of the standard deviation that each axis is divided by: 0 rotates, 1 whitens.

    Returns:
        the centre, shape (dim,), and the projection, shape (dim, axes).
    """
    centre = moments.total / moments.count
    covariance = moments.squares / moments.count - np.outer(centre, centre)
    variances, axes = np.linalg.eigh(covariance)
    kept = max(1, min(AXES, moments.count - 1, len(variances)))
    variances, axes = np.maximum(variances[::-1][:kept], 0), axes[:, ::-1][:, :kept]
    # An axis has no sign of its own: the largest entry is made positive.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(kept)])
    projection = axes * (variances + FLOOR * max(variances[0], 1e-12)) ** (-power / 2)
    length = np.sqrt((variances * (projection**2).sum(axis=0)).sum())
    return centre.astype(np.float32), (projection / max(length, 1e-12)).astype(np.float32)
