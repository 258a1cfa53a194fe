"""Read Parquet files and Hugging Face datasets on disk, with the names of ClassLabel columns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.columns import Columns
from data.errors import CorpusError, Problem
from data.formats.cells import Cell, Table, check_cells
from data.formats.table import read_table
from data.rows import Rows

MAX_BYTES = 512 << 20
"""Limit of the unpacked size."""
_BATCH_ROWS = 1_024


def read_parquet(path: Path, columns: Columns) -> Rows:
    """Read the rows of a Parquet file; a row's line is its number, counted from 1."""
    try:
        content = pq.ParquetFile(path)
        check_cells(content.metadata.num_rows * content.metadata.num_columns, str(path))
        batches = content.iter_batches(_BATCH_ROWS)
        return read_table(_table(str(path), content.schema_arrow, batches), columns)
    except (pa.ArrowException, OSError) as error:
        raise CorpusError.at(path, None, f"not a Parquet file: {error}") from error


def read_arrow(path: Path, columns: Columns) -> Rows:
    """Read the rows of an Arrow file: a stream, as `datasets` writes it, or a Feather file."""
    try:
        with pa.memory_map(str(path)) as source:
            try:
                content = pa.ipc.open_stream(source)
                batches: Iterable[pa.RecordBatch] = content
            except pa.ArrowInvalid:
                source.seek(0)
                content = pa.ipc.open_file(source)
                batches = map(content.get_batch, range(content.num_record_batches))
            return read_table(_table(str(path), content.schema, batches), columns)
    except (pa.ArrowException, OSError) as error:
        raise CorpusError.at(path, None, f"not an Arrow file: {error}") from error


def is_dataset(folder: Path) -> bool:
    """Whether the folder was written by `save_to_disk` of Hugging Face datasets."""
    return (folder / "dataset_dict.json").is_file() or (
        (folder / "state.json").is_file() and next(folder.glob("*.arrow"), None) is not None
    )


def read_dataset(folder: Path, columns: Columns) -> Rows:
    """Read all splits of a dataset as one corpus."""
    result = Rows()
    files = sorted([*folder.glob("*.arrow"), *folder.glob("*/*.arrow")])
    for file in files:
        content = read_arrow(file, columns)
        name = file.relative_to(folder).as_posix()
        content.rows = [
            row.__class__(row.line, row.message, row.intent, row.category, name) for row in content.rows
        ]
        result.extend(content)
    splits = sorted({file.parent.name for file in files if file.parent != folder})
    if len(splits) > 1:
        reason = f"all parts are read as one corpus and split again: {', '.join(splits)}; to read one, name its folder"
        result.notices.append(Problem(str(folder), None, reason))
    return result


def _table(file: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Table:
    """Build a table from batches.

    Raises: CorpusError: too many cells or bytes: a run of equal values, or an empty column, takes no space in a file.
    """
    labels = _label_names(schema)
    columns: list[list[Cell]] = [[] for _ in schema.names]
    checked: list[pa.RecordBatch] = []
    cells = size = 0
    for batch in batches:
        cells += sum(map(_cells, batch.columns))
        check_cells(cells, file)
        size += batch.nbytes
        if size > MAX_BYTES:
            raise CorpusError.at(file, None, f"more than {MAX_BYTES:,} bytes unpacked")
        checked.append(batch)
    for batch in checked:
        for values, column, name in zip(columns, batch.columns, schema.names, strict=True):
            values += _values(column, name, labels.get(name), file)
    return Table(file, list(schema.names), list(enumerate(zip(*columns, strict=True), start=1)))


def _cells(column: pa.Array) -> int:
    """Return the number of values of a column, those inside lists and structures included."""
    inner: list[pa.Array] = []
    if isinstance(column, pa.StructArray):
        inner = [column.field(place) for place in range(column.type.num_fields)]
    elif isinstance(column, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        inner = [column.values]
    return len(column) + sum(map(_cells, inner))


def _values(column: pa.Array, name: str, labels: list[str] | None, file: str) -> list[Cell]:
    try:
        if pa.types.is_binary(column.type):  # as some programs write text
            column = column.cast(pa.string())
        if isinstance(column, pa.DictionaryArray):  # equal values stay one object
            words = column.dictionary.to_pylist()
            values = [None if index is None else words[index] for index in column.indices.to_pylist()]
        else:
            values = column.to_pylist()
    except (pa.ArrowException, ValueError, OverflowError) as error:  # not UTF-8, a date beyond Python's
        reason = f"column {name!r} cannot be read: {error}; leave it out, or write it as text"
        raise CorpusError.at(file, None, reason) from None
    if labels is None:
        return values
    return [
        labels[v] if isinstance(v, int) and 0 <= v < len(labels) else None if v == -1 else v for v in values
    ]


def _label_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Return the names of each ClassLabel column, from the metadata that `datasets` writes."""
    try:
        features: dict[str, Any] = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {
            name: [str(label) for label in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
