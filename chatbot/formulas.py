"""Write texts of customers into CSV cells so that no spreadsheet evaluates them (CSV or formula injection, OWASP).

A text that begins like a formula gets a leading apostrophe, as a person would type it; `from_cell` removes it again.
The two are inverse for every text: one that begins with an apostrophe before a formula gets another.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"['\s]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def to_cell(text: str) -> str:
    """Return the cell of a text."""
    return "'" + text if _FORMULA.match(text) else text


def from_cell(cell: str) -> str:
    """Return the text of a cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
