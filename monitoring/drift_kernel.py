"""The joint check: are the window's messages, taken whole, of other kinds than the baseline's?

A new product moves no single number much: a tenth of the messages gets a somewhat lower scope, goes to three intents
a little more often, and lies somewhere else among the embeddings. All of it together is plain to see. Two samples are
compared by the distance of their means in the feature space of a Gaussian kernel (Gretton et al., 2012), through
random Fourier features (Rahimi and Recht, 2007), and measured in the baseline's own spread with a ridge (kernel
Fisher discriminant: Harchaoui, Bach and Moulines, 2007). What is compared of a message: the embedding summary, the
ranks of scope and confidence within the baseline, and the intent.

The direction in which the means differ also says which messages moved them: those furthest along it.

A distance of means grows as well where everything moved a little, as between two honest samples of people who repeat
themselves. What is new and narrow is seen better by its size: of one half of the window the direction is learned, of
the other half counted who lies further along it than nearly all of the baseline (the idea of the classifier two-sample
test: Lopez-Paz and Oquab, 2017), and the other way round. Who is counted had no part in the direction, so by chance
there are as many as in the baseline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from monitoring.drift_columns import Columns

FREQUENCIES = 256
COMPONENTS = 200
RIDGE_AT = 10
"""The ridge is the variance of this principal component: what varies less counts less."""
BANDWIDTH = 0.5
"""Of the median distance of two messages of the baseline."""
INTENT_WEIGHT = 1.5
LEAST_ROWS = 200
RARE = 0.02
"""The share of the baseline that lies furthest along a direction: where the window has more, there is a new kind."""
LEARNED = 500
"""The direction is learned of so many at most: of more, what honest samples differ by is learned as well."""
_PAIRS = 4_000
_BLOCK = 8_192
_UNIFORM_TO_UNIT = math.sqrt(12)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a window is from the baseline.

    Attributes:
        squared: of the means, less what chance contributes on average; below 0 is no distance at all.
        chance: its standard deviation under no change. freedom: of the chi-square that chance resembles.
        records: of the window that have a summary.
        direction: shape (2 * FREQUENCIES,): a message's features times this say how much it is of the new kind.
    """

    squared: float
    chance: float
    freedom: float
    records: int
    direction: Floats

    def margin(self, doubt: float) -> float:
        """What chance adds to `squared`, at most (Satterthwaite's chi-square, by Wilson and Hilferty, 1931)."""
        z = NormalDist().inv_cdf(1 - doubt)
        a = 2 / (9 * self.freedom)
        quantile = self.freedom * (1 - a + z * math.sqrt(a)) ** 3
        return self.chance * (quantile - self.freedom) / math.sqrt(2 * self.freedom)


@dataclass(frozen=True, slots=True)
class Furthest:
    """How many records lie further along the direction of change than nearly all of the baseline.

    Attributes:
        hits: of the window's `records`. before: of the baseline's `size`.
    """

    hits: int
    records: int
    before: int
    size: int


class Kernel:
    """A baseline, ready to be compared with; the same baseline gives the same numbers."""

    def __init__(self, baseline: Columns, seed: int = 0) -> None:
        """Raises: ValueError: fewer than `LEAST_ROWS` rows with a summary."""
        baseline = baseline.part(_scored(baseline))
        self._baseline = baseline
        if len(baseline) < LEAST_ROWS:
            raise ValueError(f"{len(baseline)} scored records, {LEAST_ROWS} are the least")
        generator = np.random.default_rng(seed)
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

    def distance(self, window: Columns) -> Distance | None:
        """How far a window is; None where it has no record with a summary."""
        window = window.part(_scored(window))
        return self._distance(window) if len(window) else None

    def _distance(self, window: Columns) -> Distance:
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

    def furthest(self, window: Columns, seed: int = 0) -> Furthest | None:
        """Who is of a new kind, each half judged by what was learned of the other; None below `LEAST_ROWS` records."""
        window = window.part(_scored(window))
        if len(window) < LEAST_ROWS:
            return None
        order = np.random.default_rng(seed).permutation(len(window))
        halves = [window.part(order[start::2]) for start in (0, 1)]
        hits, before = 0, 0
        for learned, asked in (halves, halves[::-1]):
            direction = self._distance(learned.part(np.arange(min(LEARNED, len(learned))))).direction
            usual = self.along(self._baseline, direction)
            border = float(np.quantile(usual, 1 - RARE))
            before += int((usual > border).sum())
            hits += int((self.along(asked, direction) > border).sum())
        return Furthest(hits, len(window), round(before / 2), self._size)

    def along(self, records: Columns, direction: Floats) -> Floats:
        """How much each record is of the kind that there is more of now, shape (n,); NaN without a summary.

        In units of the baseline's usual spread along that direction.
        """
        found = np.full(len(records), np.nan)
        scored = np.flatnonzero(_scored(records))
        spread = math.sqrt(float((self._values * (self._vectors.T @ direction) ** 2).sum())) or 1.0
        for start in range(0, len(scored), _BLOCK):
            rows = scored[start : start + _BLOCK]
            features = self._features(self._rows(records.part(rows)))
            found[rows] = (features - self._mean) @ direction / spread
        return found

    def _rows(self, columns: Columns) -> Floats:
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


def _scored(columns: Columns) -> NDArray[np.bool_]:
    known = ~np.isnan(columns.summary).any(axis=1)
    for name in ("scope", "confidence"):
        known &= ~np.isnan(columns.numbers[name])
    return np.asarray(known, dtype=bool)
