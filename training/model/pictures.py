"""Draw the figures of a training run from its intermediate results, with Matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from numpy.typing import NDArray

from training.model.evaluation.outcome import Outcome, macro_f1, scores
from training.model.head import fit_head

if TYPE_CHECKING:
    from chatbot.model.encoder import Encoded
    from training.model.fit import Fitted
    from training.model.thresholds import Learned

_BLUE, _GREY, _RED = "#2563eb", "#94a3b8", "#dc2626"
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
        "confusion_matrix.png": confusion_matrix(outcome.truth.tolist(), outcome.routed.tolist(), shown),
        "reliability.png": _reliability_diagram(outcome.confidence[inside], right[inside], ece),
        "risk_coverage.png": _risk_coverage(
            learned.curve.coverage, learned.curve.risk, learned.target, (learned.coverage, learned.risk)
        ),
        "learning_curve.png": _learning_curve(rows, f1),
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


def confusion_matrix(truth: Sequence[str], guess: Sequence[str], labels: Sequence[str]) -> Figure:
    """Plot row-normalised counts: rows are true labels, columns predictions. The diagonal has no numbers."""
    counted = pd.crosstab(np.asarray(truth), np.asarray(guess), normalize="index")
    shares = counted.reindex(index=[*labels], columns=[*labels], fill_value=0.0).to_numpy()
    size = max(6.0, 0.28 * len(labels) + 3)
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks, shown = np.arange(len(labels)), _drawable(labels)
    axes.set_xticks(ticks, shown, rotation=90, fontsize=7)
    axes.set_yticks(ticks, shown, fontsize=7)
    for row, column in np.argwhere((shares > 0.02) & ~np.eye(len(labels), dtype=bool)):
        percent = f"{100 * shares[row, column]:.0f}"
        axes.text(column, row, percent, ha="center", va="center", fontsize=6, color=_RED)
    axes.set(xlabel="understood as", ylabel="meant")
    axes.set_title("Confusion matrix (off the diagonal: % of the row, from 2 %)")
    return figure


def _drawable(labels: Sequence[str]) -> list[str]:
    """Return the labels; one with a character that the font lacks is its number in the order of the labels."""
    font = get_font(findfont(FontProperties()))
    return [
        label if all(font.get_char_index(ord(c)) for c in label) else f"intent {number}"
        for number, label in enumerate(labels, start=1)
    ]


def _reliability_diagram(confidence: NDArray[np.floating], right: NDArray[np.bool_], ece: float) -> Figure:
    """Plot confidence against accuracy in 15 bins of equal mass; the diagonal is perfect calibration."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    order = np.argsort(confidence)
    bins = [part for part in np.array_split(order, 15) if part.size]
    said = [float(confidence[part].mean()) for part in bins]
    held = [float(right[part].mean()) for part in bins]
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1, label="perfectly calibrated")
    axes.plot(said, held, "o-", color=_BLUE, markersize=4, label="this model")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that was right")
    axes.set_title(f"Reliability: ECE {100 * ece:.2f} % (15 bins of equal mass)")
    axes.legend(loc="upper left", frameon=False)
    return figure


def _risk_coverage(
    coverage: NDArray[np.floating],
    risk: NDArray[np.floating],
    target: float,
    chosen: tuple[float, float],
) -> Figure:
    """Plot the risk-coverage curve: share answered automatically against share of those answers that are wrong."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(100 * coverage, 100 * risk, color=_BLUE)
    label = f"target: {100 * target:g} % wrong"
    axes.axhline(100 * target, color=_RED, linestyle="--", linewidth=1, label=label)
    axes.plot(100 * chosen[0], 100 * chosen[1], "o", color=_RED, label="the thresholds chosen")
    axes.set(xlim=(0, 100), ylim=(0, None), xlabel="answered by the bot, %", ylabel="wrong among those, %")
    axes.set_title("Risk and coverage")
    axes.legend(frameon=False)
    return figure


def _learning_curve(rows: Sequence[int], macro_f1: Sequence[float]) -> Figure:
    """Plot macro F1 on held-out messages against the number of training rows."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(rows, 100 * np.asarray(macro_f1), "o-", color=_BLUE)
    axes.set(xlabel="training messages", ylabel="macro F1, %", title="Learning curve")
    axes.set_xlim(left=0)
    return figure
