"""Draw the figures of a training run from its intermediate results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from training.model import plots
from training.model.evaluation.outcome import Outcome, macro_f1, scores
from training.model.head import fit_head

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from chatbot.model.encoder import Encoded
    from training.model.thresholds import Learned

LEARNING_SHARES = (0.1, 0.25, 0.5, 1.0)
# Enough rows for the curve's shape; four fits on all of a large corpus would show no more.
MAX_LEARNING_ROWS = 8_000


def draw(
    encoded: Encoded,
    columns: NDArray[np.int64],
    encoded_test: Encoded,
    outcome: Outcome,
    labels: Sequence[str],
    learned: Learned,
    seed: int,
) -> dict[str, Figure]:
    """Draw every figure, by file name.

    Args:
        encoded, columns: the train part, and the index of each row's intent in `labels`.
        encoded_test: the test part, in the order of `outcome`.
    """
    inside = outcome.in_scope
    shown = sorted({*outcome.truth, *outcome.routed})
    right = outcome.likeliest == outcome.truth
    ece = scores(outcome)["ece"] or 0.0
    rows, f1 = learning_curve(encoded, columns, encoded_test, outcome, labels, seed)
    return {
        "confusion_matrix.png": plots.confusion_matrix(
            outcome.truth.tolist(), outcome.routed.tolist(), shown
        ),
        "reliability.png": plots.reliability_diagram(outcome.confidence[inside], right[inside], ece),
        "risk_coverage.png": plots.risk_coverage(
            learned.curve.coverage, learned.curve.risk, learned.target, (learned.coverage, learned.risk)
        ),
        "learning_curve.png": plots.learning_curve(rows, f1),
    }


def learning_curve(
    encoded: Encoded,
    columns: NDArray[np.int64],
    encoded_test: Encoded,
    outcome: Outcome,
    labels: Sequence[str],
    seed: int,
) -> tuple[list[int], list[float]]:
    """Compute macro F1 on the in-scope test messages for growing shares of the train part.

    Returns:
        the numbers of rows, and the macro F1 of each.
    """
    inside = np.flatnonzero(outcome.in_scope)
    if inside.size == 0:
        return [], []
    test = encoded_test.part(inside)
    order = np.random.default_rng(seed).permutation(len(columns))[:MAX_LEARNING_ROWS]
    rows: list[int] = []
    f1: list[float] = []
    for share in LEARNING_SHARES:
        taken = np.sort(order[: max(1, round(share * len(order)))])
        head = fit_head(encoded.part(taken), columns[taken], len(labels))
        guesses = np.asarray(labels)[head.logits(head.whiten(test)).argmax(axis=1)]
        rows.append(len(taken))
        f1.append(macro_f1(outcome.truth[inside], guesses))
    return rows, f1
