"""Read Parquet files and Hugging Face datasets on disk, with the names of ClassLabel columns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.columns import Columns
from data.errors import CorpusError, Problem
from data.formats.cells import Cell, Table, check_cells
from data.formats.document import listed
from data.formats.json_text import load_json
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
        return read_table(_arrow_table(path, {}), columns)
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
    parts = sorted({file.parent for file in (*folder.glob("*.arrow"), *folder.glob("*/*.arrow"))})
    for part in parts:
        files, chosen, names = _described(part)
        for file in files:
            try:
                table = _arrow_table(file, names)
            except (pa.ArrowException, OSError) as error:
                raise CorpusError.at(file, None, f"not an Arrow file: {error}") from error
            if chosen is not None:
                count = len(table.records)
                own, chosen = chosen[(chosen >= 0) & (chosen < count)], chosen - count
                table.records = [table.records[row] for row in own]
                table.notices.append(
                    Problem(str(file), None, f"the dataset is a selection: {len(own):,} rows of it")
                )
            result.extend(read_table(table, columns), file.relative_to(folder).as_posix())
    splits = sorted({part.name for part in parts if part != folder})
    if len(splits) > 1:
        reason = f"all parts are read as one corpus and split again: {', '.join(splits)}; to read one, name its folder"
        result.notices.append(Problem(str(folder), None, reason))
    return result


def _described(part: Path) -> tuple[list[Path], NDArray[np.int64] | None, dict[str, list[str]]]:
    """Return the files of a split, the rows that are selected of all (None: every one), and the names of labels.

    Early versions of `datasets` store a filtered or shuffled split as all rows and a file of row numbers.
    """
    files = sorted(part.glob("*.arrow"))
    state, info = (_object(part / name) for name in ("state.json", "dataset_info.json"))
    rows = [
        part / str(one.get("filename"))
        for key in ("_indices_files", "_indices_data_files")
        for one in listed(state.get(key))
        if isinstance(one, dict)
    ]
    selected = [file for file in dict.fromkeys(rows) if file in files]
    numbers: list[int] = []
    for file in selected:
        table = _arrow_table(file, {})
        numbers += [cells[0] for _, cells in table.records if isinstance(cells[0], int)]
    chosen = np.array(numbers, dtype=np.int64) if selected else None
    return [file for file in files if file not in selected], chosen, _names_of(info.get("features"))


def _object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; empty if it is missing or not an object."""
    try:
        found = load_json(path) if path.is_file() else {}
    except CorpusError:
        return {}
    return found if isinstance(found, dict) else {}


def _arrow_table(path: Path, names: dict[str, list[str]]) -> Table:
    with pa.memory_map(str(path)) as source:
        try:
            content = pa.ipc.open_stream(source)
            batches: Iterable[pa.RecordBatch] = content
        except pa.ArrowInvalid:
            source.seek(0)
            content = pa.ipc.open_file(source)
            batches = map(content.get_batch, range(content.num_record_batches))
        return _table(str(path), content.schema, batches, names)


def _table(
    file: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], names: dict[str, list[str]] | None = None
) -> Table:
    """Build a table from batches.

    Args: names: those of ClassLabel columns that the schema does not know.

    Raises: CorpusError: too many cells or bytes: a run of equal values, or an empty column, takes no space in a file.
    """
    labels = {**(names or {}), **_label_names(schema)}
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
        if pa.types.is_binary(column.type) or pa.types.is_large_binary(
            column.type
        ):  # as some programs write text
            column = column.cast(pa.large_string())
        if isinstance(column, pa.DictionaryArray):  # equal values stay one object
            words = column.dictionary.to_pylist()
            values = [None if index is None else words[index] for index in column.indices.to_pylist()]
        else:
            values = column.to_pylist()
    except (pa.ArrowException, ValueError, OverflowError) as error:  # not UTF-8, a date beyond Python's
        reason = f"column {name!r} cannot be read: {error}; leave it out, or write it as text"
        raise CorpusError.at(file, None, reason) from None
    return values if labels is None else [_named(value, labels) for value in values]


def _named(value: Cell, labels: list[str]) -> Cell:
    """Return the name of a label's number; -1 means unlabelled."""
    if isinstance(value, list):
        return [_named(one, labels) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return labels[value] if 0 <= value < len(labels) else None if value == -1 else value
    return value


def _label_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Return the names of each ClassLabel column, from the metadata that `datasets` writes."""
    try:
        return _names_of(json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"])
    except (KeyError, TypeError, ValueError):
        return {}


def _names_of(features: Any) -> dict[str, list[str]]:
    """Return the names of the columns that are a ClassLabel, or a list of it: `Sequence`, `List`, or `[...]`."""
    found: dict[str, list[str]] = {}
    for name, feature in features.items() if isinstance(features, dict) else ():
        inner = feature[0] if isinstance(feature, list) and feature else feature
        inner = inner.get("feature", inner) if isinstance(inner, dict) else inner
        if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" and listed(inner.get("names")):
            found[name] = [str(label) for label in inner["names"]]
    return found
