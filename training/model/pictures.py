"""Draw the figures of a training run from its intermediate results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.model import plots
from training.model.evaluation.outcome import Outcome, macro_f1, scores
from training.model.head import fit_head

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from chatbot.model.encoder import Encoded
    from training.model.fit import Fitted
    from training.model.thresholds import Learned

LEARNING_SHARES = (0.1, 0.25, 0.5, 1.0)
# Enough rows for the curve's shape; four fits on all of a large corpus would show no more.
MAX_LEARNING_ROWS = 8_000


def draw(
    encoded: Encoded, fitted: Fitted, outcome: Outcome, learned: Learned, seed: int
) -> dict[str, Figure]:
    """Draw every figure, by file name."""
    inside = outcome.in_scope
    shown = sorted({*outcome.truth, *outcome.routed})
    right = outcome.likeliest == outcome.truth
    ece = scores(outcome)["ece"] or 0.0
    rows, f1 = learning_curve(encoded, fitted, seed)
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


def learning_curve(encoded: Encoded, fitted: Fitted, seed: int) -> tuple[list[int], list[float]]:
    """Compute macro F1 on the messages of one fold for growing shares of the others; return row counts and F1."""
    held = fitted.out_of_fold
    tested = held.rows[held.fold == 0]
    if not tested.size or not fitted.measured:
        return [], []
    others = np.setdiff1d(np.arange(len(fitted.labels)), tested)
    order = np.random.default_rng(seed).permutation(others)[:MAX_LEARNING_ROWS]
    labels = np.asarray(fitted.classifier.labels)
    test, truth = encoded.part(tested), labels[fitted.labels[tested]]
    rows: list[int] = []
    f1: list[float] = []
    for share in LEARNING_SHARES:
        taken = np.sort(order[: max(1, round(share * len(order)))])
        head = fit_head(encoded.part(taken), fitted.labels[taken], len(labels))
        rows.append(len(taken))
        f1.append(macro_f1(truth, labels[head.logits(head.whiten(test)).argmax(axis=1)]))
    return rows, f1
