"""Find the message and intent columns in a header: those named by the caller, else the usual names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from data.errors import CorpusError, Problem

MESSAGE_NAMES = (
    "message", "text", "instruction", "utterance", "query", "question", "sentence", "user_message", "utt",
    "user_utterance", "user_input", "user_text", "customer_message", "training_phrase", "phrase", "example",
    "sample", "content", "body", "input", "prompt", "messages", "utterances", "texts",
)  # fmt: skip
"""Usual names of the message column; the first one present is used."""
INTENT_NAMES = (
    "intent", "intent_name", "label", "label_text", "label_name", "intent_label", "class", "class_name", "target",
    "category", "topic", "tag",
    "intent_display_name", "intents", "labels",
)  # fmt: skip
"""Usual names of the intent column; `category` is the intent only if no earlier one is present (Banking77)."""
REPLY_NAMES = ("reply", "response", "answer", "bot_response")
"""Usual names of a column with the reply."""

_SEPARATORS = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """How the caller wants a corpus to be read; None: search for a usual name."""

    message: str | None = None
    intent: str | None = None
    """Several label columns, joined by `+`, are joined to one intent: `scenario+action`."""
    category: str | None = None
    header: bool = True
    """False: the first row is data, and columns are named by position: 1, 2, ..."""
    labels_as_written: bool = False
    """Whether spellings of a label stay apart, and `oos`, `fallback`, ... are intents of their own."""
    encoding: str | None = None
    """Of text files; None: detect it."""


@dataclass(frozen=True, slots=True)
class Places:
    """Zero-based positions of the columns in a header."""

    message: int
    intents: tuple[int, ...]
    """One column, or the columns that make up the intent together."""
    category: int | None
    reply: int | None = None


def find_columns(header: Sequence[str], asked: Columns, file: str, line: int | None = None) -> Places:
    """Find message, intent, category and reply in a header.

    Case, surrounding white space, and whether words are joined by spaces, hyphens or underscores are ignored,
    unless two columns differ in nothing else.

    Raises:
        CorpusError: a column is missing (the message lists the existing ones) or occurs twice.
    """
    names = [name.strip().removeprefix("\ufeff").strip() for name in header]

    def refuse(reason: str) -> CorpusError:
        return CorpusError([Problem(file, line, reason)])

    def place(candidates: Sequence[str]) -> int | None:
        for candidate in candidates:
            found = [i for i, name in enumerate(names) if name == candidate]
            found = found or [i for i, name in enumerate(names) if _key(name) == _key(candidate)]
            if len(found) > 1:
                raise refuse(f"column {names[found[0]]!r} occurs {len(found)} times: rename all but one")
            if found:
                return found[0]
        return None

    def need(what: str, name: str | None, usual: Sequence[str]) -> int:
        found = place(usual if name is None else [name])
        if found is None:
            missing = (
                f"no column {name!r}"
                if name is not None
                else f"no {what} column ({', '.join(usual[:8])}, ...)"
            )
            there = ", ".join(repr(n[:60]) for n in names[:20]) or "none"
            raise refuse(f"{missing}; the columns are: {there}. Name the right one with --{what}-column")
        return found

    message = need("message", asked.message, MESSAGE_NAMES)
    parts = [asked.intent]
    if asked.intent is not None and "+" in asked.intent and place([asked.intent]) is None:
        parts = [part.strip() for part in asked.intent.split("+")]
    intents = tuple(need("intent", part, INTENT_NAMES) for part in parts)
    if message in intents:
        raise refuse(f"column {names[message]!r} cannot be both message and intent")
    reply = next(
        (i for i, name in enumerate(names) if _key(name) in REPLY_NAMES and i not in (message, *intents)),
        None,
    )
    if asked.category is not None:
        return Places(message, intents, need("category", asked.category, ()), reply)
    category = place(["category"])
    return Places(message, intents, category if category not in (message, *intents) else None, reply)


def _key(name: str) -> str:
    return _SEPARATORS.sub("_", name.strip()).casefold()
