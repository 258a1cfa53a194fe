"""Define a table of cells, and what can be asked of a cell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from data.errors import CorpusError, Problem
from data.formats.nested import MissingCell, flat

Cell = object
"""A cell's value; None: empty."""

LABEL_COLUMN = "intent"
"""Name of the column that is added where the name of a file or a sheet is the label."""

MAX_CELLS = 20_000_000
"""Limit of the cells of a file: some formats hold millions in a few kB."""

_NUMBER = re.compile(r"-?\d+(\.0+)?")


MISSING = MissingCell()


@dataclass(slots=True)
class Table:
    """Cells of a file below its header, with their line numbers."""

    file: str
    header: list[str]
    records: list[tuple[int, Sequence[Cell]]]
    line: int | None = None
    """Line of the header; None: the format has none."""
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)

    @property
    def is_workbook(self) -> bool:
        """Whether it is a sheet: its rows end with their last filled cell."""
        return self.file.lower().endswith((".xlsx", ".xlsm"))


def keyed(file: str, nested: Sequence[tuple[int, Mapping[str, Cell]]]) -> Table:
    """Build a table from records with keys; the header has every key that occurs, within a record as `outer.inner`.

    Raises: CorpusError: more than MAX_CELLS cells, such as of records with a key of their own each.
    """
    header: dict[str, None] = {}
    records = [(line, dict(flat(record))) for line, record in nested]
    for _, record in records:
        header.update(dict.fromkeys(record))
    check_cells(len(records) * len(header), file)
    return Table(
        file, list(header), [(line, [record.get(key, MISSING) for key in header]) for line, record in records]
    )


def labelled(table: Table, label: str) -> Table:
    """Return a table with one more column, `intent`, that has this label in every row."""
    width = len(table.header)
    records = [
        (line, [*cells, *[None] * (width - len(cells)), label] if len(cells) <= width else cells)
        for line, cells in table.records
    ]
    return replace(table, header=[*table.header, LABEL_COLUMN], records=records)


def check_cells(count: int, file: str) -> None:
    """Raise CorpusError if a file has more than MAX_CELLS cells."""
    if count > MAX_CELLS:
        raise CorpusError.at(file, None, f"more than {MAX_CELLS:,} cells")


def at(cells: Sequence[Cell], place: int | None) -> Cell:
    """Return the cell at a place; None if the row is shorter."""
    return cells[place] if place is not None and place < len(cells) else None


def shown(cell: Cell) -> str:
    """Return a cell as text; an empty one is an empty text."""
    return "" if cell is None or isinstance(cell, MissingCell) else str(cell)


def is_empty(cell: Cell) -> bool:
    """Return whether a cell is empty."""
    return cell is None or isinstance(cell, MissingCell) or (isinstance(cell, str) and not cell.strip())


def is_number(cell: Cell) -> bool:
    """Whether a cell holds a whole number, as a number or as text."""
    if isinstance(cell, str):
        return _NUMBER.fullmatch(cell.strip()) is not None
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def filled_width(cells: Sequence[Cell]) -> int:
    """Return how many cells of a row are not empty."""
    return sum(not is_empty(cell) for cell in cells)
