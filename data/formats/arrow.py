"""Read Parquet files and Hugging Face datasets on disk, with the names of ClassLabel columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.columns import Columns
from data.errors import CorpusError, Problem
from data.formats.cells import Cell, Table
from data.formats.table import read_table
from data.rows import Rows


def read_parquet(path: Path, columns: Columns) -> Rows:
    """Read the rows of a Parquet file; a row's line is its number, counted from 1."""
    try:
        return read_table(_table(str(path), pq.ParquetFile(path).read()), columns)
    except (pa.ArrowException, OSError) as error:
        raise CorpusError([Problem(str(path), None, f"not a Parquet file: {error}")]) from error


def read_arrow(path: Path, columns: Columns) -> Rows:
    """Read the rows of an Arrow file: a stream, as `datasets` writes it, or a Feather file."""
    try:
        with pa.memory_map(str(path)) as source:
            try:
                table = pa.ipc.open_stream(source).read_all()
            except pa.ArrowInvalid:
                source.seek(0)
                table = pa.ipc.open_file(source).read_all()
            return read_table(_table(str(path), table), columns)
    except (pa.ArrowException, OSError) as error:
        raise CorpusError([Problem(str(path), None, f"not an Arrow file: {error}")]) from error


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


def _table(file: str, table: pa.Table) -> Table:
    names = _label_names(table.schema)
    columns = [_values(table.column(name), name, names.get(name), file) for name in table.column_names]
    return Table(file, list(table.column_names), list(enumerate(zip(*columns, strict=True), start=1)))


def _values(column: pa.ChunkedArray, name: str, labels: list[str] | None, file: str) -> list[Cell]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        values = list(column.to_pylist())
    except UnicodeDecodeError as error:
        raise CorpusError([Problem(file, None, f"column {name!r} is not UTF-8: {error}")]) from None
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
