"""Index feedback by prediction and join it with records; nine bytes each, because a day may have millions of thumbs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

SCHEMA = pa.schema(
    [("prediction_id", pa.string()), ("timestamp", pa.timestamp("ms", tz="UTC")), ("helpful", pa.bool_())]
)

_BUCKETS = 64


@dataclass(frozen=True, slots=True)
class Thumbs:
    """The last feedback on each prediction, by the hash of its id.

    Two of ten million ids have the same hash with a probability of 3e-6.

    Attributes:
        ids: hashes of the prediction ids, ascending, shape (n,).
        down: True for a thumbs down, shape (n,).
    """

    ids: NDArray[np.uint64]
    down: NDArray[np.bool_]

    @classmethod
    def of(cls, tables: Iterable[pa.Table]) -> Thumbs:
        """Build the index from feedback tables with the columns of `SCHEMA`; the last feedback on a prediction wins."""
        # By ranges of hashes, so that sorting needs no second copy of all.
        buckets: list[list[_Said]] = [[] for _ in range(_BUCKETS)]
        edges = np.arange(1, _BUCKETS, dtype=np.uint64) * np.uint64(2**64 // _BUCKETS)
        for table in tables:
            said = _Said.of(table.select(SCHEMA.names).cast(SCHEMA))
            ends = [0, *np.searchsorted(said.ids, edges).tolist(), len(said.ids)]
            for place, bucket in enumerate(buckets):
                bucket.append(said.part(slice(ends[place], ends[place + 1])))
        ids, down = [np.empty(0, np.uint64)], [np.empty(0, bool)]
        for bucket in buckets:
            if bucket:
                said = _Said.joined(bucket).last()
                ids.append(said.ids)
                down.append(said.down)
        return cls(np.concatenate(ids), np.concatenate(down))

    def __len__(self) -> int:
        return len(self.ids)

    def join(self, table: pa.Table, ids: NDArray[np.uint64] | None = None) -> pa.Table:
        """Return the records with a column `negative`: True thumbs down, False thumbs up, null no feedback.

        Args: ids: the records' `id_hashes`, if they are known.
        """
        if not len(self):
            return table.append_column("negative", pa.nulls(table.num_rows, pa.bool_()))
        asked = id_hashes(table) if ids is None else ids
        order = np.argsort(asked)  # neighbours are searched one after the other, in the processor's cache
        places = np.empty(len(asked), np.int64)
        places[order] = np.minimum(np.searchsorted(self.ids, asked[order]), len(self) - 1)
        return table.append_column("negative", pa.array(self.down[places], mask=self.ids[places] != asked))


def id_hashes(table: pa.Table) -> NDArray[np.uint64]:
    """Return a hash of the prediction id of each row, shape (n,)."""
    ids = np.asarray(table["prediction_id"].to_numpy(), dtype=object)
    return np.asarray(pd.util.hash_array(ids, categorize=False), dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class _Said:
    """Feedback in ascending order of the hash, then of time."""

    ids: NDArray[np.uint64]
    times: NDArray[np.int64]
    down: NDArray[np.bool_]

    @classmethod
    def of(cls, table: pa.Table) -> _Said:
        times = table["timestamp"].cast(pa.int64()).to_numpy()
        return cls(id_hashes(table), times, ~table["helpful"].to_numpy().astype(bool)).ordered()

    @classmethod
    def joined(cls, parts: list[_Said]) -> _Said:
        columns = zip(*((part.ids, part.times, part.down) for part in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns)).ordered()

    def ordered(self) -> _Said:
        return self.part(np.lexsort((self.times, self.ids)))

    def part(self, rows: slice | NDArray[np.bool_] | NDArray[np.intp]) -> _Said:
        return _Said(self.ids[rows], self.times[rows], self.down[rows])

    def last(self) -> _Said:
        """Return the last of each id."""
        return self.part(np.append(self.ids[1:] != self.ids[:-1], np.ones(min(1, len(self.ids)), bool)))
