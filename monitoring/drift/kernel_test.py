"""Kernel two-sample test (MMD): test jointly whether a window's messages differ in distribution from the baseline's.

A new product moves no single number much: a tenth of the messages gets a slightly lower scope, three slightly more
frequent intents, and another region of the embedding space. A joint test detects the combination. It measures the
distance of the two samples' means in the feature space of a Gaussian kernel (maximum mean discrepancy, MMD: Gretton et
al., 2012), through random Fourier features (Rahimi and Recht, 2007), in units of the baseline's spread with a ridge
(kernel Fisher discriminant: Harchaoui, Bach and Moulines, 2007). Inputs per message: the embedding summary, the ranks
of scope and confidence within the baseline, and the intent.

The direction in which the means differ (MMD witness function) also ranks the messages by their contribution.

The distance of means also grows if everything shifts a little, as between two samples of users who repeat themselves.
A second statistic detects a new, narrow kind of message by its size: the direction is learned on one half of the
window; in the other half, messages beyond a high quantile of the baseline along that direction are counted; then the
halves are swapped (the idea of the classifier two-sample test: Lopez-Paz and Oquab, 2017). Counted messages do not
influence the direction, so under no change their share is that of the baseline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.columns import RecordColumns

FREQUENCIES = 256
COMPONENTS = 200
RIDGE_AT = 10
"""Index of the principal component whose variance is the ridge: components that vary less get less weight."""
BANDWIDTH = 0.5
"""Kernel bandwidth, as a fraction of the median distance of two baseline messages."""
INTENT_WEIGHT = 1.5
LEAST_ROWS = 200
"""Minimum number of scored records of a baseline, and of a window for `furthest`."""
RARE = 0.02
"""Share of the baseline beyond the border along a direction; a larger share of the window shows a new kind."""
LEARNED = 500
"""Maximum number of records to learn the direction from: more would also fit differences without drift."""
_PAIRS = 4_000
_BLOCK = 8_192
_UNIFORM_TO_UNIT = math.sqrt(12)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distance:
    """Kernel distance (MMD) between a window and the baseline.

    Attributes:
        squared: squared distance of the means, minus its expectation under no change; may be negative.
        chance: standard deviation of `squared` under no change.
        freedom: degrees of freedom of the approximating chi-square distribution.
        records: number of scored records of the window.
        direction: shape (2 * FREQUENCIES,): the dot product with a message's features is its contribution.
    """

    squared: float
    chance: float
    freedom: float
    records: int
    direction: Floats

    def margin(self, doubt: float) -> float:
        """Return the upper bound of `squared` under no change, at error rate `doubt`.

        Source: Satterthwaite's chi-square approximation, with the quantile of Wilson and Hilferty (1931).
        """
        z = NormalDist().inv_cdf(1 - doubt)
        a = 2 / (9 * self.freedom)
        quantile = self.freedom * (1 - a + z * math.sqrt(a)) ** 3
        return self.chance * (quantile - self.freedom) / math.sqrt(2 * self.freedom)


class Furthest(NamedTuple):
    """Records beyond the baseline's 1 - RARE quantile along the direction of change, of all scored ones.

    `hits` of `records` are of the window, `before` of `size` of the baseline.
    """

    hits: int
    records: int
    before: int
    size: int


class Kernel:
    """Tests windows against one baseline (kernel two-sample test, MMD). Deterministic for a baseline."""

    def __init__(self, baseline: RecordColumns) -> None:
        """Fit the kernel features, their mean and their principal components on the baseline.

        Raises: ValueError: the baseline has fewer than `LEAST_ROWS` scored records.
        """
        baseline = baseline.part(_scored(baseline))
        self._baseline = baseline
        if len(baseline) < LEAST_ROWS:
            raise ValueError(f"{len(baseline)} scored records, {LEAST_ROWS} are the least")
        generator = np.random.default_rng(0)
        spread = np.maximum(baseline.summary.std(axis=0, dtype=np.float64), 1e-6)
        self._scale = 1 / (np.sqrt(spread) * np.sqrt(spread).mean())
        self._ranks = {name: np.sort(baseline.numbers[name]) for name in ("scope", "confidence")}
        self._intents = {name: place for place, name in enumerate(sorted(set(baseline.intents.tolist())))}
        rows = self._rows(baseline)
        left, right = generator.integers(0, len(rows), (2, _PAIRS))
        usual = float(np.median(np.linalg.norm(rows[left] - rows[right], axis=1)))
        width = BANDWIDTH * max(usual, 1e-6)
        self._frequencies = generator.normal(size=(rows.shape[1], FREQUENCIES)) / width
        features = self._features(rows)
        self._size = len(features)
        self._mean = features.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(features, rowvar=False))
        self._values = np.maximum(values[::-1][:COMPONENTS], 0)
        self._vectors = vectors[:, ::-1][:, :COMPONENTS]
        self._weights = 1 / (self._values + max(float(self._values[RIDGE_AT]), 1e-12))

    def distance(self, window: RecordColumns) -> Distance | None:
        """Return the distance of a window from the baseline; None if the window has no scored record."""
        window = window.part(_scored(window))
        return self._distance(window) if len(window) else None

    def _distance(self, window: RecordColumns) -> Distance:
        count = len(window)
        total = np.zeros(2 * FREQUENCIES)
        for start in range(0, count, _BLOCK):
            block = window.part(np.arange(start, min(start + _BLOCK, count)))
            total += self._features(self._rows(block)).sum(axis=0)
        moved = self._vectors.T @ (total / count - self._mean)
        share = self._weights * self._values
        both = 1 / count + 1 / self._size
        return Distance(
            squared=float((self._weights * moved**2).sum() - share.sum() * both),
            chance=float(np.sqrt(2 * (share**2).sum()) * both),
            freedom=float(share.sum() ** 2 / (share**2).sum()),
            records=count,
            direction=self._vectors @ (self._weights * moved),
        )

    def furthest(self, window: RecordColumns) -> Furthest | None:
        """Count records of a new kind by cross-fitting: each half is tested along the direction of the other.

        Returns: the counts; None if the window has fewer than `LEAST_ROWS` scored records.
        """
        window = window.part(_scored(window))
        if len(window) < LEAST_ROWS:
            return None
        order = np.random.default_rng(0).permutation(len(window))
        halves = [window.part(order[start::2]) for start in (0, 1)]
        hits, before = 0, 0
        for learned, asked in (halves, halves[::-1]):
            direction = self._distance(learned.part(np.arange(min(LEARNED, len(learned))))).direction
            usual = self.along(self._baseline, direction)
            border = float(np.quantile(usual, 1 - RARE))
            before += int((usual > border).sum())
            hits += int((self.along(asked, direction) > border).sum())
        return Furthest(hits, len(window), round(before / 2), self._size)

    def along(self, records: RecordColumns, direction: Floats) -> Floats:
        """Project records onto a direction (MMD witness function).

        Returns:
            Position of each record, shape (n,), in standard deviations of the baseline along the direction; NaN for
            records that are not scored.
        """
        found = np.full(len(records), np.nan)
        scored = np.flatnonzero(_scored(records))
        spread = math.sqrt(float((self._values * (self._vectors.T @ direction) ** 2).sum())) or 1.0
        for start in range(0, len(scored), _BLOCK):
            rows = scored[start : start + _BLOCK]
            features = self._features(self._rows(records.part(rows)))
            found[rows] = (features - self._mean) @ direction / spread
        return found

    def _rows(self, columns: RecordColumns) -> Floats:
        ranks = [
            (np.searchsorted(known, columns.numbers[name]) / len(known) - 0.5) * _UNIFORM_TO_UNIT
            for name, known in self._ranks.items()
        ]
        intents = np.zeros((len(columns), len(self._intents) + 1))
        unknown = len(self._intents)
        places = [self._intents.get(name, unknown) for name in columns.intents.tolist()]
        intents[np.arange(len(columns)), places] = INTENT_WEIGHT
        return np.hstack([columns.summary * self._scale, np.stack(ranks, axis=1), intents])

    def _features(self, rows: Floats) -> Floats:
        angles = rows @ self._frequencies
        return np.hstack([np.cos(angles), np.sin(angles)]) / math.sqrt(FREQUENCIES)


def _scored(columns: RecordColumns) -> NDArray[np.bool_]:
    known = ~np.isnan(columns.summary).any(axis=1)
    for name in ("scope", "confidence"):
        known &= ~np.isnan(columns.numbers[name])
    return np.asarray(known, dtype=bool)
