"""Compare a window with one side, the baseline or the reference, by all drift checks."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from chatbot.loop.drift_verdict import BASELINE
from monitoring.drift.checks import EACH, LEAST, LEAST_FROM_REFERENCE, Finding, findings, share
from monitoring.drift.columns import RecordColumns
from monitoring.drift.histograms import Grid, Tally
from monitoring.drift.kernel_test import LEAST_ROWS, Distance, Kernel

MESSAGES, NEW_KIND = "messages", "new_kind"
"""Names of the kernel two-sample tests of `monitoring.drift.kernel_test`."""
ALARMS_WITHOUT_BASELINE = frozenset({"confidence", "confidence.low", "scope", "scope.low"})
"""Checks that may alarm against the reference while there is no baseline."""


class Comparison:
    """Compares windows with one side. Memory does not grow with the window."""

    def __init__(self, side: RecordColumns, against: str = BASELINE, scale: float = 1.0) -> None:
        """Build grid, histograms and kernel test of a side's rows; `scale` multiplies all minimum effects."""
        self.against = against
        self.grid = Grid.of(side)
        self.tally = Tally.of(self.grid, side)
        least = LEAST if against == BASELINE else LEAST_FROM_REFERENCE
        self._least = {name: effect * scale for name, effect in least.items()}
        # Baseline only: a reference has the most probable intents, a log the router's decisions.
        scored = int((~np.isnan(side.numbers["scope"])).sum())
        self.kernel = Kernel(side) if against == BASELINE and scored >= LEAST_ROWS else None

    def new_tally(self) -> Tally:
        """Return an empty tally over this side's grid, to count a window."""
        return Tally(self.grid)

    def judge(self, window: Tally, sample: RecordColumns) -> list[Finding]:
        """Run all checks on a window's tally (`new_tally`) and a uniform sample of it; kernel tests are first."""
        found = findings(self.tally, window, self._least, lower_only=self.against != BASELINE)
        distance = self.distance(sample)
        if distance is not None:
            least = self._least[MESSAGES] ** 2
            threshold = math.sqrt(least + distance.margin(EACH))
            effect = math.sqrt(max(distance.squared, 0.0))
            found.insert(0, Finding(MESSAGES, effect, effect, threshold, 0.0, records=distance.records))
        if kind := self._new_kind(sample):
            found.insert(1, kind)
        return found

    def _new_kind(self, sample: RecordColumns) -> Finding | None:
        counts = self.kernel.furthest(sample) if self.kernel else None
        if counts is None:
            return None
        found = share(NEW_KIND, *counts, self._least[NEW_KIND])
        return replace(found, effect=max(found.statistic - found.before, 0.0))

    def distance(self, sample: RecordColumns) -> Distance | None:
        """Return the kernel test's result; None without a baseline or without scored records."""
        return self.kernel.distance(sample) if self.kernel else None

    def weights(self, sample: RecordColumns) -> NDArray[np.float64]:
        """Return each record's contribution to the drift (MMD witness function), in [0, 1], shape (n,)."""
        distance = self.distance(sample)
        if self.kernel is None or distance is None:
            return np.zeros(len(sample))
        along = self.kernel.along(sample, distance.direction)
        return np.asarray(1 - np.exp(-np.maximum(np.nan_to_num(along), 0) / 2))
