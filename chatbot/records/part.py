"""Read and write a part of the log store: records or feedback as one Parquet file, with the sources of its rows.

A source is what a replica uploaded as one part; its name is unique and its rows are immutable. The metadata of a
compacted part lists the sources of its rows in order. Uploads are at-least-once and compactions may run
concurrently; readers deduplicate by source, so that each prediction is read exactly once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chatbot.records.codecs import CODECS
from chatbot.records.schema import SCHEMA_VERSION, Feedback, Record, arrow_schema, columns_of, to_row

Kind = type[Record] | type[Feedback]
Sources = tuple[tuple[str, int], ...]
"""Name and number of rows of each source, in the order of the rows in a part."""

_SOURCES = b"sources"
_VERSION = b"schema_version"


class InvalidPart(Exception):
    """The file is not a valid part: truncated, damaged, or of another schema. The message states the problem."""


@dataclass(frozen=True, slots=True)
class Part:
    """Decoded content of a part.

    Attributes:
        table: the requested columns, cast to this code's types regardless of the writer's schema version.
    """

    table: pa.Table
    sources: Sources
    schema_version: int

    def only(self, wanted: Collection[str]) -> pa.Table:
        """Return the rows of the sources in `wanted`."""
        if all(name in wanted for name, _ in self.sources):
            return self.table
        slices, start = [], 0
        for name, rows in self.sources:
            if name in wanted:
                slices.append(self.table.slice(start, rows))
            start += rows
        return pa.concat_tables(slices) if slices else self.table.slice(0, 0)


def to_table(kind: Kind, rows: Iterable[Record | Feedback]) -> pa.Table:
    """Convert rows to a table with this code's schema."""
    schema, values = arrow_schema(kind), [to_row(row) for row in rows]
    # Column by column: pyarrow's own conversion from rows takes ten times as long.
    columns = [pa.array([row[field.name] for row in values], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def encode(table: pa.Table, sources: Sequence[tuple[str, int]]) -> bytes:
    """Serialize a table to the content of a part.

    Args:
        table: all columns (`to_table`).
        sources: sources of the rows, in order; their row counts sum to the table's.
    """
    if sum(rows for _, rows in sources) != table.num_rows:
        raise ValueError(f"{table.num_rows} rows, and the sources have {sum(rows for _, rows in sources)}")
    metadata = {_VERSION: str(SCHEMA_VERSION).encode(), _SOURCES: json.dumps(list(sources)).encode()}
    return to_parquet(
        table.replace_schema_metadata(metadata), write_page_checksum=True, row_group_size=50_000
    )


def to_parquet(table: pa.Table, **options: Any) -> bytes:
    """Serialize a table to Parquet, compressed."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", **options)
    return bytes(sink.getvalue())


def decode(content: bytes, kind: Kind, columns: Sequence[str]) -> Part:
    """Deserialize columns of a part, written with any schema version.

    Args:
        columns: columns to read, in this order. A column that an older schema lacks gets its default.

    Raises:
        InvalidPart: the content is not a valid part.
    """
    try:
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as file:
            names = set(file.schema_arrow.names)
            table = file.read([name for name in columns if name in names], use_threads=False)
            count = file.metadata.num_rows
            metadata = file.schema_arrow.metadata or {}
            sources = tuple((str(name), int(rows)) for name, rows in json.loads(metadata[_SOURCES]))
            version = int(metadata[_VERSION])
        if sum(rows for _, rows in sources) != count or table.num_rows not in (count, 0):
            raise InvalidPart(f"it holds {count} rows, and says it holds {sources}")
        typed = {name: _column(kind, table, name, count) for name in columns}
        return Part(pa.table(typed), sources, version)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise InvalidPart(f"it is not a whole Parquet file of this log: {error}") from error
    except KeyError as error:
        raise InvalidPart(f"its metadata has no {error}: it is not part of this log") from error


def keep(table: pa.Table, column: str, least: Any, beyond: Any) -> pa.Table:
    """Filter the rows whose value in `column` is in [least, beyond)."""
    values = table[column]
    kept = pc.and_(
        pc.greater_equal(values, pa.scalar(least, values.type)),
        pc.less(values, pa.scalar(beyond, values.type)),
    )
    return table.filter(kept)


def leave_out(table: pa.Table, columns: Sequence[str], values: Collection[str]) -> pa.Table:
    """Remove the rows that have one of `values` in any of `columns`."""
    return _leave_out(table, columns, pa.array(values, pa.string()))


def without_erased(
    kind: Kind, table: pa.Table, sources: Sources, ids: Collection[str]
) -> Iterator[tuple[str, pa.Table]]:
    """Yield each source's name and its rows without those of erased ids; sources left empty are kept."""
    columns = [name for name in ("prediction_id", "session_id") if name in columns_of(kind)]
    unwanted = pa.array(ids, pa.string())
    start = 0
    for name, rows in sources:
        own = table.slice(start, rows)
        start += rows
        yield name, _leave_out(own, columns, unwanted) if ids else own


def _leave_out(table: pa.Table, columns: Sequence[str], unwanted: pa.Array) -> pa.Table:
    for column in columns:
        table = table.filter(pc.invert(pc.is_in(table[column], value_set=unwanted)))
    return table


def _column(kind: Kind, table: pa.Table, name: str, rows: int) -> Any:
    wanted = arrow_schema(kind).field(name).type
    if name in table.column_names:
        return table[name].cast(wanted)
    return pa.repeat(pa.scalar(_default(kind, name), wanted), rows)


def _default(kind: Kind, name: str) -> Any:
    [field] = [field for field in fields(kind) if field.name == name]
    if field.default is MISSING:
        raise InvalidPart(f"it has no column {name!r}")
    return CODECS[str(field.type)].to_value(field.default)


def check_columns(kind: Kind, columns: Sequence[str] | None) -> tuple[str, ...]:
    """Validate the columns to read; None: all.

    Raises:
        ValueError: a column does not exist.
    """
    known = columns_of(kind)
    if unknown := [name for name in columns or () if name not in known]:
        raise ValueError(f"{kind.__name__} has no column {unknown[0]!r}; there are {', '.join(known)}")
    return known if columns is None else tuple(columns)
