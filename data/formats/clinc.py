"""Read CLINC150's JSON: parts of `[message, intent]` pairs."""

from __future__ import annotations

from data.errors import Problem
from data.formats.document import Document, rows_of
from data.rows import Rows


def is_clinc(document: Document) -> bool:
    """Whether every value is a list of pairs."""
    return bool(document) and all(
        isinstance(part, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in part)
        for part in document.values()
    )


def read_clinc(document: Document, file: str) -> Rows:
    """Read all parts as one corpus, which is split anew."""
    result = rows_of(((pair[0], pair[1], "") for part in document.values() for pair in part), file)
    if len(document) > 1:
        parts = ", ".join(f"{name} ({len(part):,})" for name, part in document.items())
        reason = f"all parts are read as one corpus and split anew: {parts}"
        result.notices.append(Problem(file, None, reason))
    return result
