"""What was said of answers, ready to be joined with their records: columns, for a day can have a million thumbs."""

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
    """The last thumb of each prediction.

    Attributes:
        ids: of predictions, ascending. down: True for a thumbs down.
    """

    ids: pa.StringArray
    down: pa.BooleanArray

    @classmethod
    def of(cls, tables: Iterable[pa.Table]) -> Thumbs:
        """Of feedback as it was said, columns of `SCHEMA`; of one prediction's thumbs the last counts."""
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
        """The records and a column `negative`: True thumbs down, False thumbs up, null nothing said."""
        if not table.num_rows:
            return table.append_column("negative", pa.nulls(0, pa.bool_()))
        asked = table["prediction_id"]
        ends = pc.min_max(asked).as_py()
        # Ids sort by time, as parts of the log do: only the thumbs of a part's own time are looked through.
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
    """A column in one piece."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return pa.concat_arrays(chunks) if chunks else pa.array([], kind)
