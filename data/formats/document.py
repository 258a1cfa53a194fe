"""Convert messages found in a nested document to rows; they are numbered, for JSON has no lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from data.errors import Problem
from data.rows import Row, Rows

Document = Any
"""Parsed JSON."""


def rows_of(messages: Iterable[tuple[object, object, str]], file: str) -> Rows:
    """Number messages, each with intent and category; one that is not text is a problem."""
    result = Rows()
    for number, (message, intent, category) in enumerate(messages, start=1):
        if isinstance(message, str) and isinstance(intent, str):
            result.rows.append(Row(number, message, intent, category))
            continue
        what, value = ("intent", intent) if isinstance(message, str) else ("message", message)
        reason = f"message {number}: the {what} is {'empty' if value is None else f'not text: {value!r:.60}'}"
        result.problems.append(Problem(file, number, reason, kind=f"messages without text in the {what}"))
    return result


def dropped(result: Rows, file: str, count: int, what: str, why: str) -> None:
    """Record that parts of a source are not in the corpus, unless there are none."""
    if count:
        result.notices.append(Problem(file, None, f"not taken: {count:,} {what}; {why}"))


def listed(value: object) -> list[Any]:
    """Return a list, or an empty one for anything else."""
    return value if isinstance(value, list) else []
