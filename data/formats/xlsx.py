"""Read Excel workbooks (.xlsx) with openpyxl."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.columns import Columns
from data.errors import CorpusError, Problem
from data.formats.cells import Cell
from data.formats.header import with_header
from data.formats.table import read_table
from data.rows import Rows


def read_xlsx(path: Path, columns: Columns) -> Rows:
    """Read the rows of a workbook's first sheet that has the columns; a row's line is its number in the sheet.

    Raises:
        CorpusError: not a workbook, or no sheet has the columns.
    """
    file = str(path)
    try:
        from openpyxl import load_workbook  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise CorpusError([Problem(file, None, "openpyxl is not installed: save the sheet as CSV")]) from None
    try:
        book = load_workbook(path, data_only=True)
        sheets = {
            sheet.title: _unmerged(
                [(i, [_text(c) for c in row]) for i, row in enumerate(sheet.values, 1)],
                [area.bounds for area in sheet.merged_cells.ranges],
            )
            for sheet in book.worksheets
        }
    except Exception as error:  # openpyxl lets errors of any class of zipfile, zlib and expat through
        reason = (
            f"not an Excel workbook (.xlsx), or one that openpyxl cannot read: {error}; save the sheet as CSV"
        )
        raise CorpusError([Problem(file, None, reason)]) from None
    failures: dict[str, CorpusError] = {}
    for place, (title, records) in enumerate(sheets.items()):
        try:
            result = read_table(with_header(file, records, columns), columns)
        except CorpusError as error:
            failures[title] = error
            continue
        others = [
            name for name, rows in sheets.items() if name != title and any(any(cells) for _, cells in rows)
        ]
        if others or place:
            reason = f"sheet {title!r} is read; not taken: {', '.join(map(repr, others))}"
            result.notices.append(Problem(file, None, reason))
        if result.problems and (cells := _formulas(path, book[title])):
            reason = (
                f"{len(cells):,} cells hold formulas whose result is not stored, such as {', '.join(cells[:5])}: open "
                "the workbook in Excel or LibreOffice and save it, or paste the values"
            )
            result.problems.append(Problem(file, None, reason))
        return result
    if not failures:
        raise CorpusError([Problem(file, None, "the workbook has no sheet")])
    # The largest sheet is most probably the one that is meant.
    meant = max(failures, key=lambda title: sum(any(cells) for _, cells in sheets[title]))
    if len(sheets) == 1:
        raise failures[meant]
    raise CorpusError(
        [
            replace(problem, reason=f"sheet {meant!r}: {problem.reason}")
            for problem in failures[meant].problems
        ]
    )


def _unmerged(
    records: list[tuple[int, list[Cell]]], areas: list[tuple[int, int, int, int]]
) -> list[tuple[int, list[Cell]]]:
    """Repeat the value of an area merged downwards in one column; a title merged across columns stays one cell."""
    for left, top, right, bottom in areas:
        if left == right and bottom <= len(records):
            for _, cells in records[top:bottom]:
                cells[left - 1] = records[top - 1][1][left - 1]
    return records


def _formulas(path: Path, stored: Any) -> list[str]:
    """Return the coordinates of cells of a sheet with a formula and no stored result.

    Args:
        stored: the sheet as it is read, with results.
    """
    from openpyxl import load_workbook

    written = load_workbook(path)[stored.title]
    return [
        cell.coordinate
        for row in written.iter_rows()
        for cell in row
        if cell.data_type == "f" and stored[cell.coordinate].value is None
    ]


def _text(cell: object) -> Cell:
    """Return a cell as the sheet shows it: a whole number without decimals, TRUE and FALSE in capitals."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    return str(cell)
