"""Find the message and intent columns in a header: those named by the caller, else the usual names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import Signature, signature
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from chatbot.documents import read_yaml
from data.errors import CorpusError, Problem

NAMES: dict[str, Any] = read_yaml(Path(__file__).with_name("names.yaml"))
"""What other products call columns, labels and languages."""
MESSAGE_NAMES, INTENT_NAMES, REPLY_NAMES = (tuple(NAMES[what]) for what in ("message", "intent", "reply"))
"""Usual names of a column; the first one present is used."""
TICKET_MESSAGE_NAMES, TICKET_INTENT_NAMES = (
    tuple(NAMES[what]) for what in ("ticket_message", "ticket_intent")
)
_SUBJECTS, _TITLES = NAMES["subject"], NAMES["subject_beside_description"]

ONE_COLUMN = (
    "one column: a message and its intent are needed. Write the intent of each message into a second column, `intent`; "
    "ten to twenty messages of each intent are enough to start"
)
"""What to do with a table that has no labels."""
UNLABELLED = "tables have no column of intents"
"""Kind of the problem that a table has messages only, or no column that is known to hold intents."""

_SEPARATORS = re.compile(r"[\s_-]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_ANOTHERS = frozenset([*REPLY_NAMES, "bot", "agent", "assistant", "system", "error"])
_CUSTOM = re.compile(r"custom field \((.+)\)", re.IGNORECASE)
_CODES = {word: code for code, names in NAMES["languages"].items() for word in (code, *names)}
_LANGUAGE = re.compile(rf"(?:[\s_-]+|(?=[(\[]))[(\[]?({'|'.join(_CODES)})[)\]]?\Z", re.IGNORECASE)
"""The language at the end of a column's name: `Question (EN)`, `text_de`."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How the caller wants a corpus to be read; None: search for a usual name."""

    message: Annotated[str | None, Option("--message-column", help="The message's column.")] = None
    intent: Annotated[
        str | None,
        Option("--intent-column", help="The intent's column; two are joined: `scenario+action`."),
    ] = None
    category: Annotated[str | None, Option("--category-column", help="The category's column.")] = None
    header: Annotated[
        bool,
        Option("--header/--no-header", help="Whether the first row has names; if not, columns are 1, 2, ..."),
    ] = True
    labels_as_written: Annotated[
        bool, Option("--labels-as-written", help="Keep spellings apart, and `oos` an intent.")
    ] = False
    encoding: Annotated[
        str | None,
        Option("--encoding", help="Of text files, such as cp1251, gbk or utf-16; default: detected."),
    ] = None
    clean_mail: Annotated[
        bool | None,
        Option(
            "--clean-mail/--as-written",
            help="Convert HTML to text, remove quoted replies and signatures; default: of tickets.",
        ),
    ] = None
    tags: tuple[str, ...] = ()
    """The tags of tickets that are intents; other tags are ignored."""
    label: str = ""
    """The intent of every row, where the name of the file or the sheet says it; empty: a column does."""


_OPTIONS = ("message", "intent", "category", "header", "labels_as_written", "encoding")


def takes_columns(*more: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command, for its argument `columns`, the options of reading, and those of these fields of `Columns`."""
    names = (*_OPTIONS, *more)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            columns = Columns(**{name: given.pop(name) for name in names})
            command(columns, **given)

        _, *own = signature(command, eval_str=True).parameters.values()
        options = signature(Columns, eval_str=True).parameters
        run.__signature__ = Signature([*own, *(options[name] for name in names)])  # type: ignore[attr-defined]
        return run

    return decorate


@dataclass(frozen=True, slots=True)
class Places:
    """Zero-based positions of the columns in a header."""

    message: int
    intents: tuple[int, ...]
    """One column, or the columns that make up the intent together."""
    category: int | None
    reply: int | None = None
    is_ticket: bool = False
    """Whether the table is the export of a ticket system."""
    subject: int | None = None
    """Of a ticket: belongs to the message."""
    guessed: int | None = None
    """The column of which only the last word is a usual name."""


def find_columns(header: Sequence[str], asked: Columns, file: str, line: int | None = None) -> Places:
    """Find message, intent, category and reply in a header.

    Case, surrounding white space, and whether words are joined by spaces, hyphens or underscores are ignored,
    unless two columns differ in nothing else.

    Raises: CorpusError: a column is missing (the message lists the existing ones) or occurs twice.
    """
    names = [name.strip().removeprefix("\ufeff").strip() for name in header]
    is_ticket = _is_ticket(names)

    def refuse(reason: str, kind: str = "") -> CorpusError:
        return CorpusError([Problem(file, line, reason, kind=kind)])

    def first(found: Sequence[int], what: str) -> int | None:
        """Return the first place; refuse several where an option can choose one of them."""
        if len(found) > 1 and what:
            both = " and ".join(repr(names[i]) for i in found)
            raise refuse(f"columns {both} fit: choose one with --{what}-column")
        return found[0] if found else None

    def nested(candidate: str) -> list[int]:
        """Return the shallowest of the fields with this name within a record."""
        inner = f".{column_key(candidate)}"
        found = [i for i, name in enumerate(names) if column_key(name).endswith(inner)]
        return sorted(found, key=lambda i: names[i].count("."))[:1]

    def place(candidates: Sequence[str], what: str = "", is_repeated: bool = False) -> int | None:
        for candidate in candidates:
            found = [i for i, name in enumerate(names) if name == candidate]
            found = found or [i for i, name in enumerate(names) if column_key(name) == column_key(candidate)]
            if not found and is_ticket:
                found = nested(candidate)
            if len(found) > 1 and not is_repeated:
                raise refuse(f"column {names[found[0]]!r} occurs {len(found)} times: rename all but one")
            if found:
                return found[0]
        for candidate in candidates:
            found = [i for i, name in enumerate(names) if column_key(candidate) in _parts(name)]
            if len(found) > 1:
                found = [i for i in found if language_of(names[i]) == "en"] or found
            if (chosen := first(found, what)) is not None:
                return chosen
        return next((found[0] for candidate in candidates if (found := nested(candidate))), None)

    def guess(what: str, usual: Sequence[str]) -> int | None:
        """Return the column whose last word is a usual name, such as `Customer Query`; None: there is none."""
        chosen = first([i for i, name in enumerate(names) if _ends_with(column_key(name), usual)], what)
        if chosen is not None:
            guessed.append(chosen)
        return chosen

    def need(what: str, name: str | None, usual: Sequence[str]) -> int:
        found = place(usual if name is None else [name], what, is_ticket and what != "message")
        if found is None and name is None and not guessed:  # two of two could be a sentence
            found = guess(what, usual)
        if found is None and name is not None and name.isdecimal() and 0 < int(name) <= len(names):
            return int(name) - 1
        if found is None:
            kind = UNLABELLED if name is None and what == "intent" else ""
            if name is None and len(names) == 1:
                raise refuse(ONE_COLUMN, UNLABELLED)
            missing = (
                f"no column {name!r}"
                if name is not None
                else f"no {what} column ({', '.join(usual[:8])}, ...)"
            )
            if (
                what == "message"
                and name is None
                and not {column_key(n) for n in names}.isdisjoint(REPLY_NAMES)
            ):
                missing += (
                    " beside a column of replies (replies of intents are a file of their own: --replies)"
                )
            there = ", ".join(repr(n[:60]) for n in names[:20]) or "none"
            raise refuse(
                f"{missing}; the columns are: {there}. Name the right one with --{what}-column; each row has one "
                "message, and its intent in a column",
                kind,
            )
        return found

    guessed: list[int] = []
    message = need("message", asked.message, TICKET_MESSAGE_NAMES if is_ticket else MESSAGE_NAMES)
    parts = [asked.intent]
    if asked.intent is not None and "+" in asked.intent and place([asked.intent]) is None:
        parts = [part.strip() for part in asked.intent.split("+")]
    usual = TICKET_INTENT_NAMES if is_ticket else INTENT_NAMES
    intents = tuple(need("intent", part, usual) for part in parts)
    if message in intents:
        raise refuse(f"column {names[message]!r} cannot be both message and intent")
    replies = [
        i
        for i, name in enumerate(names)
        if not _parts(name).isdisjoint(REPLY_NAMES) and i not in (message, *intents)
    ]
    same = [i for i in replies if language_of(names[i]) == language_of(names[message])]
    reply = next(iter(same or replies), None)
    if asked.category is not None:
        category: int | None = need("category", asked.category, ())
    else:
        category = place(["category"], is_repeated=is_ticket)
        category = category if category not in (message, *intents) else None
    subject = place([*_SUBJECTS, *_TITLES]) if is_ticket and asked.message is None else None
    subject = subject if subject not in (message, *intents) else None
    return Places(message, intents, category, reply, is_ticket, subject, next(iter(guessed), None))


def _is_ticket(names: Sequence[str]) -> bool:
    """Whether a header has a ticket's subject and text."""
    last = {column_key(name).rpartition(".")[2] for name in names}
    if "description" in last and not last.isdisjoint(_TITLES):
        return True
    texts = {name.rpartition(".")[2] for name in TICKET_MESSAGE_NAMES}
    return not last.isdisjoint(_SUBJECTS) and not last.isdisjoint(texts)


def _ends_with(key: str, usual: Sequence[str]) -> bool:
    """Whether the last of two or three words is a usual name, and none says that it is another's."""
    words = key.split("_")
    return len(words) in (2, 3) and words[-1] in usual and _ANOTHERS.isdisjoint(words)


def column_key(name: str) -> str:
    """Return what spellings of a column's name have in common: folded case, `_` between words, NFKC."""
    name = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf").strip()
    custom = _CUSTOM.fullmatch(name)
    words = _CAMEL.sub("_", custom[1] if custom else name)
    return _SEPARATORS.sub("_", words).casefold()


def language_of(name: str) -> str:
    """Return the code of the language that a column's name ends with (`Question (EN)`), or an empty string."""
    found = _LANGUAGE.search(name.strip())
    return _CODES[found[1].lower()] if found else ""


def other_languages(header: Sequence[str], places: Places) -> list[str]:
    """Return the columns that hold the messages in other languages than the one that is read."""
    chosen = language_of(header[places.message])
    return [
        name
        for place, name in enumerate(header)
        if chosen and place != places.message and language_of(name) not in ("", chosen)
        if not _parts(name).isdisjoint(MESSAGE_NAMES)
    ]


def _parts(name: str) -> set[str]:
    """Return the keys of a name's parts, without the language: of `Thema / Topic`, `Question (EN)`."""
    parts = (part.strip() for part in re.split(r"\s/\s|\|", name))
    return {column_key(_LANGUAGE.sub("", part)) for part in parts}
