"""Convert messages found in a nested document to rows; they are numbered, for JSON has no lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from data.errors import CorpusError, Problem
from data.rows import Row, Rows

JsonDocument = Any
"""Parsed JSON."""
INTENTS_ONLY = "the bot has intents only"


def rows_of(messages: Iterable[tuple[object, object]], file: str) -> Rows:
    """Number messages with their intents; report one that is not text as a problem."""
    result = Rows()
    for number, (message, intent) in enumerate(messages, start=1):
        if isinstance(message, str) and isinstance(intent, str):
            result.rows.append(Row(number, message, intent))
            continue
        what, value = ("intent", intent) if isinstance(message, str) else ("message", message)
        reason = f"message {number}: the {what} is {'empty' if value is None else f'not text: {value!r:.60}'}"
        result.problems.append(Problem(file, number, reason, kind=f"messages without text in the {what}"))
    return result


def guarded(product: str, read: Callable[[], Rows], file: str) -> Rows:
    """Read an export whose parts may be of other types than the product writes.

    Raises: CorpusError: a part is not as the product writes it.
    """
    try:
        result = read()
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        reason = (
            f"begins as an export of {product}, but a part is not as there: {type(error).__name__}: {error}"
        )
        raise CorpusError.at(file, None, reason) from None
    texts = {intent: text for intent, text in result.replies.items() if isinstance(intent, str)}
    result.replies = {intent: text for intent, text in texts.items() if isinstance(text, str)}
    return result


def dropped(result: Rows, file: str, count: int, what: str, why: str) -> None:
    """Record that parts of a source are not in the corpus, unless there are none."""
    if count:
        result.notices.append(Problem(file, None, f"not taken: {count:,} {what}; {why}"))


def dig(value: object, *names: str) -> Any:
    """Return what is at a path of names; None if a part of it is missing or not an object."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def listed(value: object) -> list[Any]:
    """Return a list, or an empty one for anything else."""
    return value if isinstance(value, list) else []
