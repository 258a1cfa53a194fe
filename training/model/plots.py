"""Draw Matplotlib figures of a model's quality."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

_BLUE, _GREY, _RED = "#2563eb", "#94a3b8", "#dc2626"


def confusion_matrix(truth: Sequence[str], guess: Sequence[str], labels: Sequence[str]) -> Figure:
    """Plot row-normalised counts: rows are true labels, columns predictions. The diagonal has no numbers."""
    index = {label: position for position, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)))
    for meant, understood in zip(truth, guess, strict=True):
        counts[index[meant], index[understood]] += 1
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = max(6.0, 0.28 * len(labels) + 3)
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = np.arange(len(labels))
    axes.set_xticks(ticks, labels, rotation=90, fontsize=7)
    axes.set_yticks(ticks, labels, fontsize=7)
    for row, column in np.argwhere((shares > 0.02) & ~np.eye(len(labels), dtype=bool)):
        axes.text(
            column, row, f"{100 * shares[row, column]:.0f}", ha="center", va="center", fontsize=6, color=_RED
        )
    axes.set(
        xlabel="understood as",
        ylabel="meant",
        title="Confusion matrix (off the diagonal: % of the row, from 2 %)",
    )
    return figure


def reliability_diagram(confidence: NDArray[np.floating], right: NDArray[np.bool_], ece: float) -> Figure:
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


def risk_coverage(
    coverage: NDArray[np.floating],
    risk: NDArray[np.floating],
    target: float,
    chosen: tuple[float, float] | None,
) -> Figure:
    """Plot the risk-coverage curve: share answered automatically against share of those answers that are wrong."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(100 * coverage, 100 * risk, color=_BLUE)
    axes.axhline(
        100 * target, color=_RED, linestyle="--", linewidth=1, label=f"target: {100 * target:g} % wrong"
    )
    if chosen is not None:
        axes.plot(100 * chosen[0], 100 * chosen[1], "o", color=_RED, label="the thresholds chosen")
    axes.set(xlim=(0, 100), ylim=(0, None), xlabel="answered by the bot, %", ylabel="wrong among those, %")
    axes.set_title("Risk and coverage")
    axes.legend(frameon=False)
    return figure


def learning_curve(rows: Sequence[int], macro_f1: Sequence[float]) -> Figure:
    """Plot macro F1 on held-out messages against the number of training rows."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(rows, 100 * np.asarray(macro_f1), "o-", color=_BLUE)
    axes.set(xlabel="training messages", ylabel="macro F1, %", title="Learning curve")
    axes.set_xlim(left=0)
    return figure
