"""Load any corpus as one table: a CSV, JSONL or Parquet file, or a folder of YAML files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from data.columns import Columns
from data.errors import CorpusError, Problem
from data.folder import read_folder
from data.messages import intent_fault, message_fault, row_hash
from data.readers import READERS, Row, Rows

__all__ = ["COLUMNS", "Columns", "CorpusError", "Problem", "load_corpus", "read_corpus", "table_of"]

COLUMNS = ("message", "intent", "category", "source", "row_hash")
"""Columns of a loaded corpus, all text; `category` may be empty, `source` is `file:line`."""

_ROOT = Path(__file__).resolve().parents[1]


def load_corpus(
    path: Path | str,
    *,
    message_column: str | None = None,
    intent_column: str | None = None,
    category_column: str | None = None,
) -> pd.DataFrame:
    """Load a corpus by its suffix: .csv, .tsv, .jsonl, .ndjson, .parquet, or a folder such as `data/corpus`.

    Args:
        path: the file or folder. Text is UTF-8, with or without a byte order mark.
        message_column: the message's column; None: the first of `data.columns.MESSAGE_NAMES`.
        intent_column: the intent's column; None: the first of `data.columns.INTENT_NAMES`.
        category_column: the category's column; None: `category`, unless it is the intent.

    Returns:
        One row per message, in file order, with COLUMNS. Messages are unchanged except for stripped white
        space;
        placeholders are not filled (see `data.placeholders.fill`).

    Raises:
        CorpusError: lists every unusable row by file, line and reason.
    """
    frame, problems = read_corpus(path, Columns(message_column, intent_column, category_column))
    if problems:
        raise CorpusError(problems)
    return frame


def read_corpus(path: Path | str, columns: Columns | None = None) -> tuple[pd.DataFrame, list[Problem]]:
    """Load as `load_corpus` does, but return the valid rows together with the problems of the others.

    Raises:
        CorpusError: nothing can be read: no such file, unknown suffix or column, not UTF-8, no rows.
    """
    path = Path(path)
    loaded = _read(path, columns or Columns())
    if not loaded.rows and not loaded.problems:
        reason = "no rows: at least one message with an intent is needed"
        raise CorpusError([Problem(str(path), None, reason)])
    problems = list(loaded.problems)
    good: list[Row] = []
    for row in loaded.rows:
        file = str(path / row.file) if row.file else str(path)
        faults = [fault for fault in (message_fault(row.message), intent_fault(row.intent)) if fault]
        problems.extend(Problem(file, row.line, fault) for fault in faults)
        if not faults:
            good.append(row)
    return table_of(good, _short(path)), sorted(problems, key=lambda p: (p.file, p.line or 0))


def table_of(rows: list[Row], name: str) -> pd.DataFrame:
    """Return rows as a table with COLUMNS; `source` is `<name>:<line>` (in a folder `<name>/<file>:<line>`)."""
    records = [
        (
            row.message.strip(),
            row.intent.strip(),
            row.category.strip(),
            f"{name}/{row.file}:{row.line}" if row.file else f"{name}:{row.line}",
            row_hash(row.message, row.intent.strip()),
        )
        for row in rows
    ]
    return pd.DataFrame(records, columns=list(COLUMNS), dtype="str")


def _read(path: Path, columns: Columns) -> Rows:
    if path.is_dir():
        return read_folder(path)
    if not path.exists():
        raise CorpusError([Problem(str(path), None, f"no such file or folder (looked from {Path.cwd()})")])
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(READERS)
        reason = f"unknown kind of file {path.suffix!r}: a corpus is {known}, or a folder of YAML files"
        raise CorpusError([Problem(str(path), None, reason)])
    return reader(path, columns)


def _short(path: Path) -> str:
    """Return the path relative to the project, else the file name.

    The table's bytes must not depend on where the project is cloned.
    """
    resolved = path.resolve()
    return resolved.relative_to(_ROOT).as_posix() if resolved.is_relative_to(_ROOT) else resolved.name
