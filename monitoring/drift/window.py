"""Read a window in one pass: count all records and draw a uniform sample. Memory does not grow with the window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring.drift.columns import of_table
from monitoring.drift.feedback import id_hashes
from monitoring.drift.histograms import Tally
from monitoring.drift.served_model import ServedModel
from monitoring.drift.source import COLUMNS, RecordSource, ignore

SAMPLE = 20_000
MOST_REASONS = 5
SKEW = timedelta(minutes=5)
"""How far the clocks of replicas may differ: records further ahead of now come from a wrong clock."""
AHEAD = timedelta(days=1)
"""How far into the future records are searched, so that those with a wrong clock are counted."""


@dataclass(slots=True)
class WindowSample:
    """Counts and sample of a window.

    Attributes:
        records: number of compared records (of the serving version).
        early: number of records of the serving version that were left out: they are part of its baseline.
        ahead: number of records with a time in the future; not compared.
        skipped: number of parts or lines that are not valid records.
        others: number of records of other models, by version; not compared.
        reasons: location and reason of the first five skipped parts or lines.
        sample: uniform sample of the compared records with text: `COLUMNS` and `negative`, in random order; None if
            there are none.
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

    def merge(self, other: WindowSample) -> None:
        """Add the counts and the sample of other records of the same window."""
        self.records += other.records
        self.early += other.early
        self.ahead += other.ahead
        self.skipped += other.skipped
        self.others.update(other.others)
        self.reasons = [*self.reasons, *other.reasons][:MOST_REASONS]
        self.sample = sampled([table for table in (self.sample, other.sample) if table is not None])

    def skip(self, where: str, why: str) -> None:
        """Count a part or line that is not a valid record."""
        self.skipped += 1
        if len(self.reasons) < MOST_REASONS:
            self.reasons.append(f"{where}: {why}")


def read(
    source: RecordSource,
    serving: ServedModel,
    since: datetime,
    until: datetime,
    tallies: Sequence[Tally],
    after: datetime | None = None,
) -> WindowSample:
    """Read a window that ends now (`until`) and count its records into tallies.

    Args:
        serving: the serving model; records of others are not compared.
        after: records up to this time are not compared; None: compare all.
    """
    window = WindowSample(since, until)
    reservoir = Reservoir()
    thumbs = source.thumbs(since, until, ignore)
    for table in source.tables(since, until + AHEAD, COLUMNS, window.skip):
        now = pc.less_equal(table["timestamp"], pa.scalar(until + SKEW, table["timestamp"].type))
        window.ahead += table.num_rows - _count(now)
        table = table.filter(now)
        ours = serving.wrote(table)
        window.others.update(_by_version(table.filter(pc.invert(ours)), serving))
        table = table.filter(ours)
        if after is not None:
            later = pc.greater(table["timestamp"], pa.scalar(after, table["timestamp"].type))
            window.early += table.num_rows - _count(later)
            table = table.filter(later)
        if table.num_rows:
            ids = id_hashes(table)
            table = thumbs.join(table, ids)
            window.records += table.num_rows
            reservoir.add(table, ids)
            columns = of_table(table)
            for tally in tallies:
                tally.add(columns)
    window.sample = reservoir.taken()
    return window


class Reservoir:
    """Uniform sample of a stream: the rows with the smallest hashes (bottom-k sampling).

    The hash is that of the row's id and time: samples of the parts of a stream merge into the sample of the whole.
    """

    def __init__(self) -> None:
        self._tables: list[pa.Table] = []
        self._rows = 0
        self._limit = np.iinfo(np.uint64).max

    def add(self, table: pa.Table, ids: NDArray[np.uint64] | None = None) -> None:
        """Offer the next rows of the stream, whose `id_hashes` may be known."""
        low = np.flatnonzero(row_hashes(table, ids) <= self._limit)
        if len(low):
            # Copy: a slice would keep the whole part in memory.
            self._tables.append(table.take(pa.array(low)))
            self._rows += len(low)
        if self._rows > 2 * SAMPLE:
            self._trim()

    def taken(self) -> pa.Table | None:
        """Return the sample of the rows so far; None if there are none."""
        self._trim()
        return self._tables[0] if self._tables else None

    def _trim(self) -> None:
        if (table := sampled(self._tables)) is not None:
            self._tables, self._rows = [table], table.num_rows
            if table.num_rows == SAMPLE:
                self._limit = row_hashes(table)[-1]


def sampled(tables: Sequence[pa.Table]) -> pa.Table | None:
    """Return the rows with the smallest hashes, in order of the hash; None without tables."""
    if not tables:
        return None
    whole = pa.concat_tables(tables)
    return whole.take(pa.array(np.argsort(row_hashes(whole), kind="stable")[:SAMPLE])).combine_chunks()


def row_hashes(table: pa.Table, ids: NDArray[np.uint64] | None = None) -> NDArray[np.uint64]:
    """Return a hash of each row, shape (n,); the time tells rows without an id apart."""
    times = table["timestamp"].cast(pa.int64()).to_numpy()
    return np.asarray((id_hashes(table) if ids is None else ids) + pd.util.hash_array(times))


def _by_version(table: pa.Table, serving: ServedModel) -> Counter[str]:
    """Count the records of other models by version; a bundle of the serving version's name by its digest too."""
    others: Counter[str] = Counter()
    counts = table.group_by(["model_version", "bundle_digest"]).aggregate([([], "count_all")])
    for row in counts.to_pylist():
        version, digest = row["model_version"], row["bundle_digest"]
        name = f"{version}@{digest[:12]}" if version == serving.version else version
        others[name] += row["count_all"]
    return others


def _count(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)
