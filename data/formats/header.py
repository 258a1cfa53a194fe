"""Find the header of a text table: below title rows, or missing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from data.columns import (
    INTENT_NAMES,
    MESSAGE_NAMES,
    ONE_COLUMN,
    UNLABELLED,
    Columns,
    column_key,
    find_columns,
)
from data.errors import CorpusError, Problem
from data.formats.cells import LABEL_COLUMN, Cell, Table, filled_width, shown

_RULE = re.compile(":?-+:?")
TITLE_ROWS = 20
"""Rows in which the header is searched for."""


def with_header(file: str, records: Sequence[tuple[int, Sequence[Cell]]], asked: Columns) -> Table:
    """Find the header of a text table, below title rows if there are any, and skip empty rows.

    Raises: CorpusError: no header is found; the message says whether the first row seems to be data.
    """
    filled: list[tuple[int, Sequence[Cell]]] = []
    blank: list[int] = []
    for record in records:  # a sheet may have a million without cells
        if not record[1] or not filled_width(record[1]):
            blank.append(record[0])
        elif not _is_rule(record[1]):
            filled.append(record)
    table = Table(file, [], filled)
    if blank:
        table.notices.append(Problem(file, blank[0], f"empty rows are skipped: {len(blank):,}"))
    if not filled:
        raise CorpusError.at(file, None, "the file is empty: a header and a row are needed")
    is_one = max(len(cells) for _, cells in filled) < 2
    if is_one and not asked.label:
        reason = f"{ONE_COLUMN}. Columns are separated by a comma, semicolon, tab or bar"
        raise CorpusError([Problem(file, filled[0][0], reason, kind=UNLABELLED)])
    if not asked.header:
        table.header = [str(number) for number in range(1, max(len(cells) for _, cells in filled) + 1)]
        return table
    if is_one and not any(_is_named(cells) for _, cells in filled[:TITLE_ROWS]):
        table.header = [MESSAGE_NAMES[0]]  # a list of messages
        return table
    above = _header_place(filled, asked, file)
    table.line = filled[above][0]
    table.header = [shown(cell) for cell in filled[above][1]]
    if above:
        reason = f"the header is in line {table.line}; rows above it are skipped: {above}"
        table.notices.append(Problem(file, filled[0][0], reason))
    table.records = filled[above + 1 :]
    return table


def _is_rule(cells: Sequence[Cell]) -> bool:
    """Whether a row is the separator below the header of a Markdown table."""
    texts = [shown(cell).strip() for cell in cells if shown(cell).strip()]
    return len(texts) > 1 and all(_RULE.fullmatch(text) for text in texts)


def _header_place(filled: Sequence[tuple[int, Sequence[Cell]]], asked: Columns, file: str) -> int:
    """Return the index of the header: the first row, or one below narrower title rows."""
    failures: list[CorpusError] = []
    for place, (line, cells) in enumerate(filled[:TITLE_ROWS]):
        try:
            find_columns([*map(shown, cells), *([LABEL_COLUMN] if asked.label else [])], asked, file, line)
        except CorpusError as error:
            if "times: rename" in str(error):
                raise
            failures.append(error)
            continue
        widest = max((filled_width(above) for _, above in filled[:place]), default=0)
        if widest < filled_width(cells):
            return place
        reason = f"line {line} looks like the header: delete the lines above it"
        raise CorpusError.at(file, filled[0][0], reason) from None
    if _is_quoted(filled[0][1]):
        reason = (
            f"the fields are in quotes that CSV does not know, such as {shown(filled[0][1][0])[:20]}: replace them by "
            "straight double quotes, in which commas belong to the text"
        )
        raise CorpusError.at(file, filled[0][0], reason) from None
    if _is_data(filled, asked):
        reason = (
            f"there seems to be no header: the first row is {[shown(cell)[:60] for cell in filled[0][1]]}. "
            "With --no-header it is read as data, and columns have numbers: --message-column 1 --intent-column 2. "
            "If it has the names of the columns, choose two, by name or number, without --no-header"
        )
        raise CorpusError.at(file, filled[0][0], reason) from None
    # A title row with one cell is not the header that is meant.
    titles = 0
    while titles < len(failures) - 1 and _is_title(filled[titles][1]):
        titles += 1
    raise failures[titles]


def _is_quoted(cells: Sequence[Cell]) -> bool:
    """Whether every field is in single or typographic quotes."""
    texts = [shown(cell).strip() for cell in cells]
    return all(len(text) > 2 and text[0] in "'‘’“”„«»`" and text[-1] in "'‘’“”«»`" for text in texts)


def _is_named(cells: Sequence[Cell]) -> bool:
    """Whether a row has the usual name of a column of messages."""
    return not {column_key(shown(cell)) for cell in cells}.isdisjoint(MESSAGE_NAMES)


def _is_title(cells: Sequence[Cell]) -> bool:
    """Whether a row has one cell that is not the name of a column."""
    names = {column_key(shown(cell)) for cell in cells} - {""}
    return len(names) < 2 and names.isdisjoint({*MESSAGE_NAMES, *INTENT_NAMES})


def _is_data(filled: Sequence[tuple[int, Sequence[Cell]]], asked: Columns) -> bool:
    """Whether the first row looks like the others: a value of it stands again in its column, or it is a sentence."""
    if asked.message is not None or asked.intent is not None:
        return False
    _, first = filled[0]
    if any(len(shown(cell).split()) > 3 for cell in first):
        return True
    return any(
        shown(cell).strip() and any(place < len(cells) and cells[place] == cell for _, cells in filled[1:])
        for place, cell in enumerate(first)
    )
