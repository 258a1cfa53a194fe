"""Read a window in one pass: count all records and draw a uniform sample. Memory does not grow with the window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitoring.drift.columns import of_table
from monitoring.drift.histograms import Tally
from monitoring.drift.source import COLUMNS, Source, ignore

SAMPLE = 20_000
AHEAD = timedelta(days=1)
"""How far into the future records are searched, so that those with a wrong clock are counted."""


@dataclass(slots=True)
class WindowSample:
    """Counts and sample of a window.

    Attributes:
        since: begin of the window.
        until: end of the window.
        records: number of compared records (of the serving version).
        early: number of records of the serving version that are part of its baseline; not compared.
        ahead: number of records with a time in the future; not compared.
        skipped: number of parts or lines that are not valid records.
        others: number of records of other versions, by version; not compared.
        reasons: location and reason of the first five skipped parts or lines.
        sample: uniform sample of the compared records with text: `COLUMNS` and `negative`; None if there are none.
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
        """Count a part or line that is not a valid record."""
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
) -> WindowSample:
    """Read a window and count its records into tallies.

    Args:
        version: the serving version; records of others are not compared.
        since, until: begin and end of the window; the end is now.
        skew: tolerance for records ahead of now, because the clocks of replicas differ.
        tallies: receive the counts of the compared records.
        after: time of the baseline's last record; records up to it are not compared.

    Raises:
        StoreError: the store does not respond.
    """
    window = WindowSample(since, until)
    reservoir = Reservoir(0)
    thumbs = source.thumbs(since, until, ignore)
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
    """Reservoir sampling: a uniform sample of a stream, the rows with the smallest random keys."""

    def __init__(self, seed: int) -> None:
        """Create an empty reservoir; the same seed selects the same rows."""
        self._generator = np.random.default_rng(seed)
        self._tables: list[pa.Table] = []
        self._keys: list[np.ndarray] = []
        self._limit = 1.0

    def add(self, table: pa.Table) -> None:
        """Offer the next rows of the stream."""
        keys = self._generator.random(table.num_rows)
        low = np.flatnonzero(keys < self._limit)
        if len(low):
            # Copy: a slice would keep the whole part in memory.
            self._tables.append(table.take(pa.array(low)))
            self._keys.append(keys[low])
        if sum(map(len, self._keys)) > 2 * SAMPLE:
            self._trim()

    def taken(self) -> pa.Table | None:
        """Return the sample of the rows so far; None if there are none."""
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
