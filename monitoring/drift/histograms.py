"""Count a stream of records in histograms over a fixed grid, from which the drift checks are computed.

The grid comes from the baseline or the reference: quantile bins of each number, and topics (k-means clusters of the
embedding summary). Memory does not grow with the stream.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.columns import NUMBERS, SUMMARY_AXES, RecordColumns

QUANTILES = 256
TOPICS = 24
_ROUNDS = 25
_LEAST_FOR_TOPICS = 10 * TOPICS
_BLOCK = 65_536


def most_common(counts: Counter[str], number: int) -> list[tuple[str, int]]:
    """Return the most frequent names with their counts; equal counts are ordered by name.

    `Counter.most_common` orders equal counts by insertion: shards that are merged in another order would differ.
    """
    return sorted(counts.items(), key=lambda found: (-found[1], found[0]))[:number]


@dataclass(frozen=True, slots=True)
class Grid:
    """Bin edges and topic means.

    Attributes:
        edges: ascending bin edges by name of a number or summary axis (`axis0` ...). A value belongs to bin i if i
            edges are less than or equal to it.
        topics: topic means, shape (k, SUMMARY_AXES); k is 0 if the sample is too small or has no summaries.
    """

    edges: dict[str, NDArray[np.float64]]
    topics: NDArray[np.float32]

    @classmethod
    def of(cls, sample: RecordColumns) -> Grid:
        """Compute the grid of a sample; deterministic."""
        return cls({name: _edges(v) for name, v in _named(sample).items()}, _topics(sample.summary))

    def bins(self, columns: RecordColumns) -> dict[str, NDArray[np.int64]]:
        """Return the bin of each row by name, shape (n,); -1 if the value is missing."""
        found = {
            name: np.where(np.isnan(values), -1, np.searchsorted(self.edges[name], values, side="right"))
            for name, values in _named(columns).items()
        }
        found["topic"] = self._nearest(columns.summary)
        return found

    def _nearest(self, summary: NDArray[np.float32]) -> NDArray[np.int64]:
        nearest = np.full(len(summary), -1, dtype=np.int64)
        if not len(self.topics):
            return nearest
        half = (self.topics**2).sum(axis=1) / 2
        for start in range(0, len(summary), _BLOCK):
            block = summary[start : start + _BLOCK]
            known = ~np.isnan(block[:, 0])
            nearest[start : start + _BLOCK][known] = (block[known] @ self.topics.T - half).argmax(axis=1)
        return nearest


@dataclass(slots=True)
class Tally:
    """Histograms and counts of records over a grid.

    Attributes:
        knows_handoffs: whether all counted columns say which records were handed off.
        said, negative: numbers of records with feedback, and with a thumbs down.
        counts: number of records per bin, by the grid's names and `topic`.
        topic_intents: for each topic, its intents with their counts.
    """

    grid: Grid
    rows: int = 0
    handoffs: int = 0
    knows_handoffs: bool = True
    said: int = 0
    negative: int = 0
    intents: Counter[str] = field(default_factory=Counter)
    counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    topic_intents: dict[int, Counter[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, edges in self.grid.edges.items():
            self.counts[name] = np.zeros(len(edges) + 1, dtype=np.int64)
        self.counts["topic"] = np.zeros(len(self.grid.topics), dtype=np.int64)

    @classmethod
    def of(cls, grid: Grid, columns: RecordColumns) -> Tally:
        """Count one sample."""
        tally = cls(grid)
        tally.add(columns)
        return tally

    def add(self, columns: RecordColumns) -> None:
        """Add records to the counts."""
        bins = self.grid.bins(columns)
        for name, found in bins.items():
            self.counts[name] += np.bincount(found[found >= 0], minlength=len(self.counts[name]))
        names, codes = np.unique(columns.intents.astype(str), return_inverse=True)
        self.intents.update(dict(zip(names.tolist(), np.bincount(codes).tolist(), strict=True)))
        self.rows += len(columns)
        if columns.handoff is None:
            self.knows_handoffs = False
        else:
            self.handoffs += int(columns.handoff.sum())
        if columns.negative is not None:
            said = ~np.isnan(columns.negative)
            self.said += int(said.sum())
            self.negative += int(columns.negative[said].sum())
        self._add_topics(bins["topic"], names, codes)

    def merge(self, other: Tally) -> None:
        """Add the counts of other records over the same grid."""
        for name, counts in other.counts.items():
            self.counts[name] += counts
        for topic, intents in other.topic_intents.items():
            self.topic_intents.setdefault(topic, Counter()).update(intents)
        self.intents.update(other.intents)
        self.rows += other.rows
        self.handoffs += other.handoffs
        self.knows_handoffs &= other.knows_handoffs
        self.said += other.said
        self.negative += other.negative

    def _add_topics(
        self, topics: NDArray[np.int64], names: NDArray[np.str_], codes: NDArray[np.int64]
    ) -> None:
        known = topics >= 0
        pairs, counts = np.unique(topics[known] * len(names) + codes[known], return_counts=True)
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            topic, name = divmod(pair, len(names))
            self.topic_intents.setdefault(topic, Counter())[str(names[name])] += count

    def total(self, name: str) -> int:
        """Return the number of records that have a value of this name."""
        return int(self.counts[name].sum())

    def quantile(self, name: str, share: float) -> float:
        """Return the grid edge nearest to the quantile `share`; NaN if nothing was counted."""
        edges, counts = self.grid.edges[name], self.counts[name]
        if not edges.size or not counts.sum():
            return float("nan")
        below = np.cumsum(counts) / counts.sum()
        return float(edges[max(0, min(int(np.searchsorted(below, share)) - 1, edges.size - 1))])


def _named(columns: RecordColumns) -> dict[str, NDArray[np.float64]]:
    """Return what has bins: the numbers, and each axis of the embedding summary."""
    axes = {f"axis{axis}": columns.summary[:, axis].astype(np.float64) for axis in range(SUMMARY_AXES)}
    return {name: columns.numbers[name] for name in NUMBERS} | axes


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = values[~np.isnan(values)]
    if not known.size:
        return np.empty(0)
    levels = np.linspace(0, 1, QUANTILES + 1)
    return np.unique(np.quantile(known, levels, method="higher"))


def _topics(summary: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cluster by Lloyd's k-means with k-means++ initialization (Arthur and Vassilvitskii, 2007)."""
    rows = summary[~np.isnan(summary[:, 0])]
    if len(rows) < _LEAST_FOR_TOPICS:
        return np.empty((0, SUMMARY_AXES), np.float32)
    generator = np.random.default_rng(0)
    means = rows[[int(generator.integers(len(rows)))]]
    nearest = ((rows - means[0]) ** 2).sum(axis=1)
    while len(means) < TOPICS and nearest.sum() > 0:
        chosen = int(generator.choice(len(rows), p=nearest / nearest.sum(dtype=np.float64)))
        means = np.vstack([means, rows[chosen]])
        nearest = np.minimum(nearest, ((rows - rows[chosen]) ** 2).sum(axis=1))
    for _ in range(_ROUNDS):
        of = (rows @ means.T - (means**2).sum(axis=1) / 2).argmax(axis=1)
        sizes = np.bincount(of, minlength=len(means))
        sums = np.stack([np.bincount(of, rows[:, axis], len(means)) for axis in range(rows.shape[1])], axis=1)
        means = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], means).astype(np.float32)
    return means
