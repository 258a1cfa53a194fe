"""Read a folder of tables, documents and archives as one corpus; a table may be named by the intent of its messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from data.columns import UNLABELLED, Columns
from data.errors import CorpusError, Problem
from data.formats.archive import COMPRESSED, PACKED
from data.formats.json_file import ARRAY, ARRAYS, UNKNOWN
from data.formats.text_folder import names_of
from data.rows import Rows

Read = Callable[[Path, Columns], Rows]
"""Reads one file."""
_PERHAPS_LABELLED = {UNLABELLED, ARRAYS, UNKNOWN}
"""Kinds of problems of a file whose messages may have the intent that the file's name says."""


def read_table_folder(
    folder: Path, tables: list[Path], texts: list[Path], columns: Columns, read: Read
) -> tuple[Rows, list[Path]]:
    """Read tables as one corpus; if none has a column of intents, their names or those of their folders may be these.

    Args: texts: files that are perhaps tables, such as `.txt`; any other is a licence or the like.

    Returns: The rows, and the texts that are tables.
    """
    result, taken = _together(folder, tables, texts, columns, read)
    kinds = {problem.kind for problem in result.problems}
    if result.rows or columns.intent is not None or not kinds <= _PERHAPS_LABELLED:
        return result, taken
    if any(path.suffix.lower() in (*COMPRESSED, *PACKED) for path in tables):
        return result, taken
    return _named(folder, names_of(tables, folder), columns, read) or result, taken


def _together(
    folder: Path, tables: list[Path], texts: list[Path], columns: Columns, read: Read
) -> tuple[Rows, list[Path]]:
    result, problems, counts = Rows(), list[Problem](), dict[Path, int]()
    for path in [*tables, *texts]:
        try:
            content = read(path, columns)
        except CorpusError as error:
            problems.extend(error.problems if path in tables else ())
            continue
        if content.rows or path in tables:
            counts[path] = len(content.rows)
            result.extend(content, path.relative_to(folder).as_posix())
    for problem in _arrays_once(folder, problems):
        # Beside a corpus, a JSON file may be anything; a table is meant.
        if result.rows and problem.file.endswith(".json"):
            result.notices.append(replace(problem, reason=f"not taken: {problem.reason}"))
        else:
            result.problems.append(problem)
    if len(counts) > 1:
        named = [f"{path.relative_to(folder).as_posix()} ({count:,})" for path, count in counts.items()]
        reason = f"{len(counts)} files are one corpus: {', '.join(named[:20])}"
        result.notices.append(Problem(str(folder), None, reason))
    return result, [path for path in texts if path in counts]


def _arrays_once(folder: Path, problems: Sequence[Problem]) -> list[Problem]:
    """Name the conversion of the folder, and not one for each JSON array in it."""
    reason = ARRAY.format(file=folder)
    return [replace(one, reason=reason) if one.kind == ARRAYS else one for one in problems]


def _named(folder: Path, names: dict[Path, str], columns: Columns, read: Read) -> Rows | None:
    """Read tables of messages whose names are the intents; None: they hold no messages."""
    result = Rows()
    for path, name in names.items():
        try:
            content = read(path, replace(columns, label=name))
        except CorpusError as error:
            result.problems.extend(error.problems)
            continue
        result.extend(content, path.relative_to(folder).as_posix())
    if not result.rows:
        return None
    counts = Counter(row.intent for row in result.rows)
    told = ", ".join(f"{intent} ({count:,})" for intent, count in counts.most_common(20))
    reason = f"no table has a column of intents: the intents are the names of files or folders: {told}"
    result.notices.append(Problem(str(folder), None, reason))
    return result
