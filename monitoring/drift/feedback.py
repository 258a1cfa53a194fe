"""Index feedback by prediction and join it with records; columnar, because a day may have a million thumbs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

SCHEMA = pa.schema(
    [("prediction_id", pa.string()), ("timestamp", pa.timestamp("ms", tz="UTC")), ("helpful", pa.bool_())]
)


@dataclass(frozen=True, slots=True)
class Thumbs:
    """The last feedback on each prediction.

    Attributes:
        ids: prediction ids, ascending, shape (n,).
        down: True for a thumbs down, shape (n,).
    """

    ids: pa.StringArray
    down: pa.BooleanArray

    @classmethod
    def of(cls, tables: Iterable[pa.Table]) -> Thumbs:
        """Build the index from feedback tables with the columns of `SCHEMA`; the last feedback on a prediction wins."""
        held = [SCHEMA.empty_table(), *(table.select(SCHEMA.names).cast(SCHEMA) for table in tables)]
        said = pa.concat_tables(held).combine_chunks()
        order = pc.sort_indices(said, sort_keys=[("prediction_id", "ascending"), ("timestamp", "ascending")])
        said = said.take(order).drop_columns(["timestamp"]).combine_chunks()
        ids = said["prediction_id"]
        if len(ids) > 1:
            last = pa.chunked_array([*pc.not_equal(ids[1:], ids[:-1]).chunks, pa.array([True])])
            said = said.filter(last)
        joined = said.combine_chunks()
        return cls(
            _whole(joined["prediction_id"], pa.string()), _whole(pc.invert(joined["helpful"]), pa.bool_())
        )

    def __len__(self) -> int:
        return len(self.ids)

    def join(self, table: pa.Table) -> pa.Table:
        """Return the records with a column `negative`: True thumbs down, False thumbs up, null no feedback."""
        if not table.num_rows:
            return table.append_column("negative", pa.nulls(0, pa.bool_()))
        asked = table["prediction_id"]
        ends = pc.min_max(asked).as_py()
        # Ids sort by time, like the parts of the log: search only the feedback on the part's time range.
        places = range(len(self.ids))
        first = bisect_left(places, ends["min"], key=self._id)
        behind = bisect_right(places, ends["max"], key=self._id)
        found = pc.index_in(asked, self.ids.slice(first, behind - first))
        return table.append_column(
            "negative", self.down.slice(first, behind - first).take(_whole(found, pa.int32()))
        )

    def _id(self, place: int) -> str:
        return str(self.ids[place].as_py())


def _whole(column: pa.ChunkedArray | pa.Array, kind: pa.DataType) -> pa.Array:
    """Return a column as one contiguous array."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return pa.concat_arrays(chunks) if chunks else pa.array([], kind)
