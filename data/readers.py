"""Read CSV, JSONL and Parquet files as rows of message and intent, each with its line number."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.columns import Columns, Places, find_columns
from data.errors import CorpusError, Problem

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Row:
    """One message as read from a file."""

    line: int
    message: str
    intent: str
    category: str = ""
    file: str = ""
    """File within a folder; empty for a corpus of one file."""


@dataclass(slots=True)
class Rows:
    """Content of a file: the readable rows, and the problems of the others."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_text(path: Path) -> str:
    """Return a file's text without a byte order mark.

    Raises:
        CorpusError: the file is not UTF-8; each line with an invalid byte is named.
    """
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CorpusError([Problem(str(path), 1, "the file is UTF-16, not UTF-8: save it as UTF-8")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CorpusError(list(_wrong_bytes(str(path), content))) from None


def _wrong_bytes(file: str, content: bytes) -> Iterable[Problem]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = line[error.start]
            around = line[max(0, error.start - 15) : error.end + 15].decode("cp1252", "replace").strip()
            reason = f"not UTF-8: byte 0x{byte:02X} at byte {error.start + 1} of the line, near {around!r}"
            yield Problem(file, number, f"{reason}; save the file as UTF-8")


def read_csv(path: Path, columns: Columns) -> Rows:
    """Read the rows of a CSV file (RFC 4180; also semicolons, tabs or bars).

    Line numbers count lines within quotes too.
    """
    text = read_text(path)
    file = str(path)
    result = Rows()
    delimiter = _delimiter(text, columns, file)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    places: Places | None = None
    width = 0
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            result.problems.append(Problem(file, line, _csv_reason(str(error))))
            continue
        if not any(value.strip() for value in fields) and len(fields) <= 1:
            continue
        if places is None:
            places, width = find_columns(fields, columns, file, line), len(fields)
            continue
        if len(fields) > width and not any(value.strip() for value in fields[width:]):
            fields = fields[:width]
        if len(fields) > width or len(fields) <= max(places.message, places.intent):
            reason = f"{len(fields)} fields where the header has {width}: are quotes missing?"
            result.problems.append(Problem(file, line, f"{reason} It begins {fields[0][:40]!r}"))
            continue
        category = "" if places.category is None else "".join(fields[places.category : places.category + 1])
        result.rows.append(Row(line, fields[places.message], fields[places.intent], category))
    if places is None and not result.problems:
        raise CorpusError([Problem(file, None, "the file is empty: a header and a row are needed")])
    return result


def _delimiter(text: str, columns: Columns, file: str) -> str:
    """Detect the delimiter: one that yields message and intent columns, else the one with most columns."""
    header = next((line for line in io.StringIO(text, newline=None) if line.strip()), "")
    # A longer line is not a header; the CSV reader reports it.
    if not header or len(header) > csv.field_size_limit():
        return ","
    split = {mark: next(csv.reader([header], delimiter=mark)) for mark in DELIMITERS}
    for mark, names in split.items():
        try:
            find_columns(names, columns, file)
        except CorpusError:
            continue
        return mark
    return max(DELIMITERS, key=lambda mark: len(split[mark]))


def _csv_reason(error: str) -> str:
    if "unexpected end" in error:
        return "a quote is opened here and never closed"
    if "field larger" in error:
        return f"a field is longer than {csv.field_size_limit():,} characters: is a quote not closed?"
    return f"not CSV: {error} (inside a quoted field a quote is written twice)"


def read_jsonl(path: Path, columns: Columns) -> Rows:
    """Read a file with one JSON object per line; a key missing in one object is a problem of that line."""
    file = str(path)
    result = Rows()
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            result.problems.append(Problem(file, line, f"not JSON: {error}"))
            continue
        if not isinstance(record, dict):
            kind = type(record).__name__
            result.problems.append(Problem(file, line, f"a JSON object is needed, this is a {kind}"))
            continue
        try:
            values, names = list(record.values()), list(record)
            _append(result, file, line, values, find_columns(names, columns, file, line))
        except CorpusError as error:
            result.problems.extend(error.problems)
    return result


def read_parquet(path: Path, columns: Columns) -> Rows:
    """Read the rows of a Parquet file; a row's line is its number, counted from 1."""
    file = str(path)
    try:
        parquet = pq.ParquetFile(path)
        names = parquet.schema_arrow.names
        places = find_columns(names, columns, file)
        wanted = [places.message, places.intent, *([] if places.category is None else [places.category])]
        table = parquet.read(columns=[names[place] for place in wanted])
    except pa.ArrowException as error:
        raise CorpusError([Problem(file, None, f"not a Parquet file: {error}")]) from error
    values = [_values(table, names[place], file) for place in wanted]
    result = Rows()
    for line, row in enumerate(zip(*values, strict=True), start=1):
        _append(result, file, line, list(row), Places(0, 1, 2 if len(row) > 2 else None))
    return result


def _values(table: pa.Table, name: str, file: str) -> list[object]:
    try:
        return list(table.column(name).to_pylist())
    except UnicodeDecodeError as error:
        raise CorpusError([Problem(file, None, f"column {name!r} is not UTF-8: {error}")]) from None


def _append(result: Rows, file: str, line: int, values: list[object], places: Places) -> None:
    """Append the row, or its problems: a message must be text, an intent text or an integer."""
    message, intent = values[places.message], values[places.intent]
    category = None if places.category is None else values[places.category]
    if isinstance(intent, int) and not isinstance(intent, bool):
        intent = str(intent)
    if isinstance(message, str) and isinstance(intent, str):
        result.rows.append(Row(line, message, intent, category if isinstance(category, str) else ""))
        return
    for what, value in (("message", message), ("intent", intent)):
        if not isinstance(value, str):
            shown = "empty" if value is None else f"not text but {type(value).__name__}: {str(value)[:40]!r}"
            result.problems.append(Problem(file, line, f"the {what} is {shown}"))


READERS: dict[str, Callable[[Path, Columns], Rows]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
}
"""Reader by file suffix. No reader unpickles anything."""
