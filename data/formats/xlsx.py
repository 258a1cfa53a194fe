"""Read Excel workbooks (.xlsx) with openpyxl."""

from __future__ import annotations

import datetime
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from data.columns import REPLY_NAMES, UNLABELLED, Columns, column_key
from data.errors import CorpusError, Problem
from data.formats.cells import MAX_CELLS, Cell, at
from data.formats.header import TITLE_ROWS, with_header
from data.formats.table import read_table
from data.formats.text_folder import are_names
from data.rows import Rows

MAX_BYTES = 512 << 20
"""Limit of the unpacked size."""
_WORKBOOK, _STRICT = "xl/workbook.xml", b"purl.oclc.org/ooxml"
"""The part that names the sheets, and what it has in a workbook of the standard's other variant."""
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
"""A character as Excel writes those that XML cannot hold, such as `_x000D_`, a carriage return."""
_TOO_MANY = f"more than {MAX_CELLS:,} cells"
Records = list[tuple[int, Sequence[Cell]]]
"""The rows of a sheet, with their numbers."""
Sheets = dict[str, Records]
_NOTHING: Sequence[Cell] = ()
"""Stands for all rows without cells: a sheet may have a million, which as tuples the garbage collector passes over."""


def read_xlsx(path: Path, columns: Columns) -> Rows:
    """Read the rows of a workbook's first sheet that has the columns, and of those with the same header.

    A row's line is its number in the sheet.

    Raises: CorpusError: not a workbook, or no sheet has the columns.
    """
    file = str(path)
    try:
        import openpyxl  # type: ignore[import-untyped]  # noqa: F401  # an optional dependency
    except ModuleNotFoundError:
        raise CorpusError.at(file, None, "openpyxl is not installed: save the sheet as CSV") from None
    try:
        sheets, hidden = _sheets(path, data_only=True)
    except Exception as error:  # openpyxl lets errors of any class of zipfile, zlib and expat through
        reason = (
            f"not an Excel workbook (.xlsx), or one that openpyxl cannot read: {error}; save the sheet as CSV"
        )
        raise CorpusError.at(file, None, reason) from None
    found: dict[str, tuple[list[str], Rows]] = {}
    failures: dict[str, CorpusError] = {}
    for title, records in sheets.items():
        try:
            found[title] = _of_sheet(file, records, columns)
        except CorpusError as error:
            failures[title] = error
    if not found and (named := _named_by_intent(file, sheets, failures, columns)):
        return named
    if not found:
        raise _failure(file, sheets, failures)
    if any(name not in hidden for name in found):  # nobody sees a hidden sheet, such as an older copy
        found = {name: part for name, part in found.items() if name not in hidden}
    title, (header, result) = next(iter(found.items()))
    # Other sheets with this header, such as one for each month, are the same corpus; their rows name the sheet.
    alike = [name for name in found if name != title and columns.header and found[name][0] == header]
    for name in alike:
        _extend_by_sheet(result, file, name, found[name][1])
    if alike:
        names = ", ".join(map(repr, [title, *alike]))
        reason = f"{1 + len(alike)} sheets have the same columns and are one corpus: {names}"
        result.notices.append(Problem(file, None, reason))
    others = [name for name in sheets if name not in (title, *alike) and _filled(sheets[name])]
    if others or title != next(iter(sheets)):
        reason = f"sheet {title!r} is read; not taken: {_counted(sheets, others)}"
        if with_replies := [name for name in others if _has_replies(sheets[name])]:
            reason += f"; {with_replies[0]!r} seems to hold replies: `--replies {path.name}` takes them"
        result.notices.append(Problem(file, None, reason))
    if result.problems and (cells := _formulas(path, title, sheets[title])):
        reason = (
            f"{len(cells):,} cells hold formulas whose result is not stored, such as {', '.join(cells[:5])}: open "
            "the workbook in Excel or LibreOffice and save it, or paste the values"
        )
        result.problems.append(Problem(file, None, reason))
    return result


def _of_sheet(file: str, records: Records, columns: Columns) -> tuple[list[str], Rows]:
    """Return the keys of a sheet's header, and its rows."""
    table = with_header(file, records, columns)
    return [column_key(name) for name in table.header], read_table(table, columns)


def _named_by_intent(
    file: str, sheets: Sheets, failures: Mapping[str, CorpusError], columns: Columns
) -> Rows | None:
    """Read sheets of messages without a column of intents, if their titles may be the intents."""
    titles = [title for title, error in failures.items() if all(p.kind == UNLABELLED for p in error.problems)]
    if columns.intent is not None or not are_names(titles):
        return None
    parts: dict[str, Rows] = {}
    for title in titles:
        try:
            _, parts[title] = _of_sheet(file, sheets[title], replace(columns, label=title))
        except CorpusError:
            continue
    if len(parts) < 2:
        return None
    result = Rows()
    for title, part in parts.items():
        _extend_by_sheet(result, file, title, part)
    told = ", ".join(f"{title} ({len(part.rows):,})" for title, part in parts.items())
    reason = f"no sheet has a column of intents: the intents are the titles of the sheets: {told}"
    if others := [title for title in sheets if title not in parts and _filled(sheets[title])]:
        reason += f"; not taken: {_counted(sheets, others)}"
    result.notices.append(Problem(file, None, reason))
    return result


def _extend_by_sheet(result: Rows, file: str, title: str, part: Rows) -> None:
    """Append the content of a sheet; its rows and problems name the sheet."""
    part.problems = [replace(problem, file=f"{file}/{title}") for problem in part.problems]
    result.extend(part, title)


def _failure(file: str, sheets: Sheets, failures: dict[str, CorpusError]) -> CorpusError:
    """Return what is wrong with the largest sheet, most probably the one that is meant."""
    if not failures:
        return CorpusError.at(file, None, "the workbook has no sheet of cells")
    meant = max(failures, key=lambda title: _filled(sheets[title]))
    named = f"sheet {meant!r}: " if len(sheets) > 1 else ""
    problems = failures[meant].problems
    return CorpusError([replace(problem, reason=f"{named}{problem.reason}") for problem in problems])


def _filled(records: Records) -> int:
    """Count the rows with cells."""
    return sum(any(cells) for _, cells in records)


def _counted(sheets: Sheets, titles: Sequence[str]) -> str:
    """Name sheets with the number of their rows, headers included."""
    return ", ".join(f"{title!r} ({_filled(sheets[title]):,} rows)" for title in titles)


def _has_replies(records: Records) -> bool:
    """Whether a sheet has a column of replies."""
    top = (cell for _, cells in records[:TITLE_ROWS] for cell in cells if isinstance(cell, str))
    return any(column_key(cell) in REPLY_NAMES for cell in top)


def _sheets(path: Path, *, data_only: bool) -> tuple[Sheets, frozenset[str]]:
    """Return the rows of each sheet with their numbers, visible sheets first, and the titles of hidden sheets.

    Args: data_only: take the results of formulas; otherwise the formulas.

    Raises: ValueError: the workbook is too large: a small file could take all memory; or it is of another standard.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what a corpus does not need, such as data validation
        return _read_sheets(path, data_only)


def _read_sheets(path: Path, data_only: bool) -> tuple[Sheets, frozenset[str]]:
    with zipfile.ZipFile(path) as parts:
        if sum(part.file_size for part in parts.infolist()) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES:,} bytes unpacked")
        if _WORKBOOK in parts.namelist() and _STRICT in parts.read(_WORKBOOK):
            raise ValueError("it is a Strict Open XML workbook: save it as Excel Workbook (.xlsx)")
    # Without `read_only`, a cell in the last row makes cells of all rows above it, and a merged area of all in it.
    book = _workbook(path, data_only)
    try:
        cells = 0
        sheets: Sheets = {}
        order = sorted(book.worksheets, key=lambda sheet: sheet.sheet_state != "visible")
        for sheet in order:
            sheet.reset_dimensions()  # what a file says about its size may be wrong
            records = sheets[sheet.title] = []
            for number, row in enumerate(sheet.values, 1):
                cells += len(row) + 1
                if cells > MAX_CELLS:
                    raise ValueError(_TOO_MANY)
                records.append((number, [_text(cell) for cell in row] if row else _NOTHING))
            if data_only:
                with sheet._get_source() as source:
                    _repeat_merged(records, source)
    finally:
        book.close()
    return sheets, frozenset(sheet.title for sheet in order if sheet.sheet_state != "visible")


def _workbook(path: Path, data_only: bool) -> Any:
    """Open a workbook for its cells alone: openpyxl fails on a chart sheet without a chart, and on odd properties."""
    from openpyxl.chartsheet import Chartsheet  # type: ignore[import-untyped]
    from openpyxl.reader.excel import ExcelReader  # type: ignore[import-untyped]

    class CellReader(ExcelReader):  # type: ignore[misc]
        def read_chartsheet(self, sheet: Any, rel: Any) -> None:
            """Add an empty chart sheet, so that names of later sheets stay with them."""
            self.wb._add_sheet(Chartsheet(parent=self.wb, title=sheet.name))

        def read_properties(self) -> None:
            """Skip author and times."""

        def read_custom(self) -> None:
            """Skip what other programs note."""

    reader = CellReader(path, read_only=True, data_only=data_only, keep_links=False)
    reader.read()
    return reader.wb


def _repeat_merged(records: Records, sheet: IO[bytes]) -> None:
    """Repeat the value of an area merged downwards in its first column; one merged across columns stays one cell.

    Args: sheet: XML of the sheet.

    Raises: ValueError: the areas are too large.
    """
    from openpyxl.utils import range_boundaries  # type: ignore[import-untyped]
    from openpyxl.xml.functions import iterparse  # type: ignore[import-untyped]

    filled = 0
    for _, element in iterparse(sheet):
        if element.tag.endswith("}mergeCell"):
            left, top, _, bottom = range_boundaries(element.get("ref"))
            if top <= len(records):
                value, bottom = at(records[top - 1][1], left - 1), min(bottom, len(records))
                filled += left * (bottom - top)
                if filled > MAX_CELLS:
                    raise ValueError(_TOO_MANY)
                for place in range(top, bottom):
                    number, cells = records[place]
                    repeated = [*cells, *[None] * (left - len(cells))]
                    repeated[left - 1] = value
                    records[place] = number, repeated
        element.clear()


def _formulas(path: Path, title: str, records: Records) -> list[str]:
    """Return the coordinates of cells of a sheet with a formula and no stored result.

    Args: records: the sheet as it is read, with results.
    """
    from openpyxl.utils import get_column_letter

    written = _sheets(path, data_only=False)[0][title]
    return [
        f"{get_column_letter(place + 1)}{number}"
        for (number, cells), (_, stored) in zip(written, records, strict=True)
        for place, cell in enumerate(cells)
        if cell is not None and at(stored, place) is None
    ]


def _text(cell: object) -> Cell:
    """Return a cell as the sheet shows it: a whole number without decimals, TRUE and FALSE in capitals."""
    if isinstance(cell, str):
        return _ESCAPE.sub(lambda code: chr(int(code[1], 16)), cell)
    if cell is None:
        return cell
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    return str(cell)
