"""One pass over a window: counts of all its records, and a uniform sample of them. Memory does not grow with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitoring.drift_columns import of_table
from monitoring.drift_source import COLUMNS, Source
from monitoring.drift_tally import Tally

SAMPLE = 20_000
AHEAD = timedelta(days=1)
"""How far ahead of the clock records are looked for, to be counted."""


@dataclass(slots=True)
class Window:
    """What was read.

    Attributes:
        records: of the serving version, compared. others: of other versions, by version.
        early: of the serving version, but part of its baseline. ahead: with a time in the future.
        skipped: how many parts or lines were no records; the first few named in `reasons`.
        sample: uniform, with text: `COLUMNS` and `negative`.
    """

    since: datetime
    until: datetime
    records: int = 0
    early: int = 0
    ahead: int = 0
    skipped: int = 0
    others: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)
    sample: pa.Table | None = None

    def skip(self, where: str, why: str) -> None:
        """Count what is no record."""
        self.skipped += 1
        if len(self.reasons) < 5:
            self.reasons.append(f"{where}: {why}")


def read(
    source: Source,
    version: str,
    since: datetime,
    until: datetime,
    skew: timedelta,
    tallies: Sequence[Tally],
    after: datetime | None = None,
    seed: int = 0,
) -> Window:
    """Count a window into tallies.

    Args:
        version: whose records are compared. since: the first time. until: now.
        skew: records so far ahead of now still count: clocks of replicas differ.
        after: the end of the baseline; what is not after it is not compared.

    Raises:
        StoreError: the store does not answer.
    """
    window = Window(since, until)
    reservoir = Reservoir(seed)
    thumbs = source.thumbs(since, until, lambda _where, _why: None)
    for table in source.tables(since, until + AHEAD, COLUMNS, window.skip):
        now = pc.less_equal(table["timestamp"], pa.scalar(until + skew, table["timestamp"].type))
        window.ahead += table.num_rows - _count(now)
        table = table.filter(now)
        ours = pc.equal(table["model_version"], version)
        _count_others(window.others, table.filter(pc.invert(ours)))
        table = table.filter(ours)
        if after is not None:
            later = pc.greater(table["timestamp"], pa.scalar(after, table["timestamp"].type))
            window.early += table.num_rows - _count(later)
            table = table.filter(later)
        if table.num_rows:
            table = thumbs.join(table)
            window.records += table.num_rows
            reservoir.add(table)
            columns = of_table(table)
            for tally in tallies:
                tally.add(columns)
    window.sample = reservoir.taken()
    return window


class Reservoir:
    """A uniform sample of a stream: the rows with the smallest random keys."""

    def __init__(self, seed: int) -> None:
        """Empty; the same seed takes the same rows."""
        self._generator = np.random.default_rng(seed)
        self._tables: list[pa.Table] = []
        self._keys: list[np.ndarray] = []
        self._limit = 1.0

    def add(self, table: pa.Table) -> None:
        """Let the next rows of the stream take part."""
        keys = self._generator.random(table.num_rows)
        low = np.flatnonzero(keys < self._limit)
        if len(low):
            # A copy: a slice would hold the whole part.
            self._tables.append(table.take(pa.array(low)))
            self._keys.append(keys[low])
        if sum(map(len, self._keys)) > 2 * SAMPLE:
            self._trim()

    def taken(self) -> pa.Table | None:
        """The sample of what came until now; None: nothing came."""
        self._trim()
        return self._tables[0] if self._tables else None

    def _trim(self) -> None:
        if not self._tables:
            return
        keys = np.concatenate(self._keys)
        smallest = np.sort(np.argsort(keys, kind="stable")[:SAMPLE])
        table = pa.concat_tables(self._tables).take(pa.array(smallest)).combine_chunks()
        self._tables, self._keys = [table], [keys[smallest]]
        if len(smallest) == SAMPLE:
            self._limit = float(keys[smallest].max())


def _count(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)


def _count_others(others: Counter[str], table: pa.Table) -> None:
    for entry in pc.value_counts(table["model_version"]).to_pylist():
        others[str(entry["values"])] += int(entry["counts"])
