"""Find the contributors to drift: intents with the largest shift in share, and example messages."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from chatbot.loop.drift_verdict import Contributors, ExampleMessage, IntentShift
from monitoring.drift.columns import NUMBERS, SUMMARY_AXES, of_table
from monitoring.drift.comparison import Comparison
from monitoring.drift.histograms import Tally

INTENTS = 5
MESSAGES = 10
LEAST_SHIFT = 0.01
_ENOUGH_ALIKE = 0.6
_WORTH_NAMING = 0.9
"""Minimum weight of an example message, as a fraction of the largest weight."""


def contributors(side: Comparison, window: Tally, sample: pa.Table, red: bool) -> Contributors:
    """Return the contributors to the drift, largest shifts first; messages of `sample` only if a check is red."""
    return Contributors(
        intents=_intents(side.tally, window), messages=_messages(side, window, sample) if red else ()
    )


def _intents(base: Tally, window: Tally) -> tuple[IntentShift, ...]:
    if not base.rows or not window.rows:
        return ()
    shifts = [
        IntentShift(
            intent=name,
            before=round(base.intents[name] / base.rows, 4),
            now=round(window.intents[name] / window.rows, 4),
        )
        for name in sorted(base.intents.keys() | window.intents.keys())
    ]
    shifts.sort(key=lambda shift: -abs(shift.now - shift.before))
    return tuple(shift for shift in shifts[:INTENTS] if abs(shift.now - shift.before) >= LEAST_SHIFT)


def _messages(side: Comparison, window: Tally, sample: pa.Table) -> tuple[ExampleMessage, ...]:
    weights = side.weights(of_table(sample))
    if not (weights > 0).any():  # no kernel test: use the excess of the histogram bins
        weights = _excess(side, window, sample)
    order = np.argsort(-weights, kind="stable")
    if not len(order) or weights[order[0]] <= 0:
        return ()
    texts = sample["query"]
    chosen: list[int] = []
    words: list[set[str]] = []
    for row in order.tolist():
        if weights[row] < _WORTH_NAMING * weights[order[0]] or len(chosen) == MESSAGES:
            break
        said = set(texts[row].as_py().casefold().split())
        if said and all(len(said & other) < _ENOUGH_ALIKE * len(said | other) for other in words):
            chosen.append(row)
            words.append(said)
    return tuple(_example(sample, row, float(weights[row])) for row in chosen)


def _excess(side: Comparison, window: Tally, sample: pa.Table) -> NDArray[np.float64]:
    """Return each message's largest relative excess over the base among its histogram bins, in [0, 1], shape (n,)."""
    bins = side.grid.bins(of_table(sample))
    found = np.zeros(sample.num_rows)
    for name in (*NUMBERS, *(f"axis{axis}" for axis in range(SUMMARY_AXES)), "topic"):
        before, now = side.tally.counts[name], window.counts[name]
        if not before.sum() or not now.sum():
            continue
        fuller = np.maximum(0, 1 - (before + 1) / (before.sum() + 1) / np.maximum(now / now.sum(), 1e-12))
        # Smooth over neighbouring bins: a single one of 256 holds few messages.
        if name != "topic":
            fuller = np.convolve(fuller, np.ones(9) / 9, mode="same")
        rows = bins[name] >= 0
        found[rows] = np.maximum(found[rows], fuller[bins[name][rows]])
    return found


def _example(sample: pa.Table, row: int, weight: float) -> ExampleMessage:
    [values] = sample.slice(row, 1).to_pylist()
    return ExampleMessage(
        message=values["query"],
        **{name: values[name] for name in ("intent", "confidence", "scope")},
        weight=round(min(1.0, weight), 3),
        prediction_id=values["prediction_id"] or "",
    )
