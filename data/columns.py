"""Find the message and intent columns in a header: those named by the caller, else the usual names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.errors import CorpusError, Problem

MESSAGE_NAMES = ("message", "text", "instruction", "utterance", "query", "question", "sentence")
"""Usual names of the message column in published corpora; the first one present is used."""
INTENT_NAMES = ("intent", "label", "category")
"""Usual names of the intent column; `category` is the intent only if no other one is present (Banking77)."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Column names requested by the caller; None: search for a usual name."""

    message: str | None = None
    intent: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Zero-based positions of the columns in a header."""

    message: int
    intent: int
    category: int | None


def find_columns(header: Sequence[str], asked: Columns, file: str, line: int | None = None) -> Places:
    """Find message, intent and category in a header.

    Case and surrounding white space are ignored, unless two columns differ in nothing else.

    Raises:
        CorpusError: a column is missing (the message lists the existing ones) or occurs twice.
    """
    names = [name.strip().removeprefix("\ufeff") for name in header]

    def refuse(reason: str) -> CorpusError:
        return CorpusError([Problem(file, line, reason)])

    def place(candidates: Sequence[str]) -> int | None:
        for candidate in candidates:
            found = [i for i, name in enumerate(names) if name == candidate]
            found = found or [i for i, name in enumerate(names) if name.casefold() == candidate.casefold()]
            if len(found) > 1:
                raise refuse(f"column {names[found[0]]!r} is there {len(found)} times: rename all but one")
            if found:
                return found[0]
        return None

    def need(what: str, name: str | None, usual: Sequence[str]) -> int:
        found = place(usual if name is None else [name])
        if found is None:
            missing = f"no column {name!r}" if name is not None else f"no {what} column ({', '.join(usual)})"
            there = ", ".join(repr(n) for n in names) or "none"
            raise refuse(f"{missing}; the columns are: {there}. Name the right one with --{what}-column")
        return found

    message = need("message", asked.message, MESSAGE_NAMES)
    intent = need("intent", asked.intent, INTENT_NAMES)
    if message == intent:
        raise refuse(f"column {names[message]!r} cannot be both message and intent")
    if asked.category is not None:
        return Places(message, intent, need("category", asked.category, ()))
    category = place(["category"])
    return Places(message, intent, category if category not in (message, intent) else None)
