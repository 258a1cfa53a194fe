"""Read CSV and TSV files as spreadsheets write them (RFC 4180; also semicolons, tabs or bars)."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from data.columns import MESSAGE_NAMES, Columns, column_key, find_columns
from data.errors import CorpusError, Problem
from data.formats.cells import LABEL_COLUMN, Cell
from data.formats.fasttext import LABEL, read_fasttext
from data.formats.header import with_header
from data.formats.table import read_table
from data.rows import Rows
from data.text import decode, read_lines

DELIMITERS = (",", ";", "\t", "|")
_RARE = ("^", "~", "\x01", "¦", ":", "，")
"""What separates columns only where it separates their names."""
_HINT = re.compile(r'"?sep=(.)"?[,;|\t]*', re.IGNORECASE)
_GAP = re.compile(r" {2,}")
_OTHER_MARKS = frozenset([*DELIMITERS, '"'])
_SEARCHED = 50
"""Lines in which the header is searched for, to detect the delimiter."""


def read_csv(path: Path, columns: Columns) -> Rows:
    """Read the rows of a CSV file; line numbers count lines within quotes too.

    Raises: CorpusError: the file is empty, is not text, or has no such columns.
    """
    file = str(path)
    text, notices = decode(read_lines(path), file, columns.encoding)
    if text.lstrip().startswith(LABEL):
        labelled = read_fasttext(text, file)
        labelled.notices[:0] = notices
        return labelled
    records, problems = _records(text, columns, file)
    if problems and not records:
        raise CorpusError(problems)
    table = with_header(file, records, columns)
    table.problems = problems
    table.notices[:0] = notices
    return read_table(table, columns)


def _records(text: str, columns: Columns, file: str) -> tuple[list[tuple[int, list[Cell]]], list[Problem]]:
    if aligned := _aligned(text, columns, file):
        return aligned, []
    delimiter, hint = _delimiter(text, columns, file)
    spaced = _is_spaced(text, delimiter)
    lines: list[str] = []
    reader = csv.reader(
        _kept(io.StringIO(text, newline=""), lines), delimiter=delimiter, skipinitialspace=spaced, strict=True
    )
    records: list[tuple[int, list[Cell]]] = []
    spans: dict[int, list[str]] = {}
    problems: list[Problem] = []
    while True:
        line = reader.line_num + 1
        lines.clear()
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            reason = _csv_reason(str(error))
            is_within = len(lines) > 1 and "never" not in reason
            end = f"; the rows up to line {reader.line_num} are lost with it" if is_within else ""
            problems.append(Problem(file, line, reason + end, kind=reason))
            continue
        if fields and line != hint:
            records.append((line, [field.strip() if delimiter == "|" else field for field in fields]))
        if len(lines) > 1:
            spans[line] = [lines[0].replace('"', "", 1), *lines[1:-1]]
    lost = _swallowed(records, spans, delimiter, spaced)
    for line, last in lost.items():
        reason = (
            f"a quote is opened in line {line} and closed in line {last}, and the lines between them are rows: "
            "they are lost with it; double the quote, or delete it"
        )
        problems.append(
            Problem(file, line, reason, kind="quotes are opened in one row and closed in another")
        )
    return [record for record in records if record[0] not in lost], problems


def _kept(source: Iterable[str], lines: list[str]) -> Iterator[str]:
    """Yield lines, and keep each in a list."""
    for line in source:
        lines.append(line)
        yield line


def _swallowed(
    records: Sequence[tuple[int, list[Cell]]], spans: Mapping[int, list[str]], delimiter: str, spaced: bool
) -> dict[int, int]:
    """Return the first and the last line of each record within whose quotes another row is.

    A line is a row if it has as many fields as the record, and one of them is in the same column of another record:
    its label. Sentences have a space behind a comma.
    """
    found: dict[int, int] = {}
    values: dict[int, set[tuple[int, Cell]]] = defaultdict(set)
    for line, fields in records if spans else ():
        if line not in spans:
            values[len(fields)].update(enumerate(fields))
    for line, fields in records if spans else ():
        for inner in spans.get(line, ()):
            cells = next(csv.reader([inner], delimiter=delimiter, skipinitialspace=spaced), [])
            is_row = len(cells) == len(fields) > 1 and not any(cell[:1] in ("", " ") for cell in cells)
            if is_row and not values[len(fields)].isdisjoint(enumerate(cells)):
                found[line] = line + len(spans[line])
                break
    return found


def _delimiter(text: str, columns: Columns, file: str) -> tuple[str, int]:
    """Detect the delimiter, and the line of a `sep=` hint (0: none).

    It is what `sep=` says, else one that yields message and intent columns, else the one that splits most of the
    first lines alike.
    """
    lines = [
        (number, line.rstrip("\n"))
        for number, line in zip(range(1, _SEARCHED), io.StringIO(text, newline=None), strict=False)
        if line.strip() and len(line) <= csv.field_size_limit()  # the CSV reader reports longer ones
    ]
    if lines and (hint := _HINT.fullmatch(lines[0][1])):
        return hint[1], lines[0][0]
    for marks in (DELIMITERS, _RARE) if columns.header else ():
        for (_, line), mark in itertools.product(lines, marks):
            names = _split(line, mark)
            if columns.label:
                if len(names) == 1 and column_key(names[0]) not in MESSAGE_NAMES:
                    continue  # perhaps of columns with another separator
                names.append(LABEL_COLUMN)
            try:
                find_columns(names, columns, file)
            except CorpusError as error:
                if "times: rename" not in str(error):
                    continue
            return mark, 0

    def alike(mark: str) -> int:
        widths = [len(_split(line, mark)) for _, line in lines]
        return max((widths.count(width) for width in set(widths) if width > 1), default=0)

    return max(DELIMITERS, key=alike), 0


def _aligned(text: str, columns: Columns, file: str) -> list[tuple[int, list[Cell]]]:
    """Return the records of columns that two spaces or more separate, as in a printed table; else none.

    It is one if its first line is a header in which nothing else separates; without a header, if all lines have as
    many columns.
    """
    first = next(filter(None, map(str.strip, io.StringIO(text, newline=None))), "")
    names = _GAP.split(first)
    if len(names) < 2 or not _OTHER_MARKS.isdisjoint(first):
        return []
    if columns.header:
        try:
            find_columns(names, columns, file)
        except CorpusError:
            return []
    lines = ((number, line.strip()) for number, line in enumerate(io.StringIO(text, newline=None), start=1))
    records: list[tuple[int, list[Cell]]] = [(number, [*_GAP.split(line)]) for number, line in lines if line]
    return records if columns.header or {len(cells) for _, cells in records} == {len(names)} else []


def _is_spaced(text: str, mark: str) -> bool:
    """Whether the first line with two quoted fields has a space between delimiter and quote: `"message", "intent"`."""
    between = re.compile(rf'"{re.escape(mark)}( *)"')
    found = between.search(text)
    return found is not None and bool(found[1])


def _split(line: str, mark: str) -> list[str]:
    return next(csv.reader([line], delimiter=mark, skipinitialspace=True))


def _csv_reason(error: str) -> str:
    if "unexpected end" in error:
        return "a quote is opened here and never closed"
    if "field larger" in error:
        return f"a field is longer than {csv.field_size_limit():,} characters: is a quote not closed?"
    return f"not CSV: {error} (inside a quoted field a quote is written twice)"
