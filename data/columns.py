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
TICKET_INTENT_NAMES = tuple(NAMES["ticket_intent"])
_WHOLE_TEXTS, _EXCERPTS = (tuple(NAMES[what]) for what in ("ticket_message", "ticket_excerpt"))
TICKET_MESSAGE_NAMES = (*_WHOLE_TEXTS, *_EXCERPTS)
_NOT_OF_MESSAGES = frozenset(NAMES["not_of_messages"])
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
_CUSTOM = re.compile(r"custom field \((.+)\)|(.+?)\s*\[(?:list|txt|flg|int|date)\]", re.IGNORECASE)
"""How Jira and Zendesk name a field of one's own."""
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
    return _Header(names, file, line).places(asked)


class _Header:
    """The names of a table's columns, and how one is found among them."""

    def __init__(self, names: Sequence[str], file: str, line: int | None) -> None:
        self._names = names
        self._at = file, line
        self._is_ticket = _is_ticket(names)
        self._guessed: int | None = None

    def places(self, asked: Columns) -> Places:
        """Find every column. Raises: CorpusError."""
        usual = TICKET_MESSAGE_NAMES if self._is_ticket else MESSAGE_NAMES
        message = self._needed("message", asked.message, usual)
        intents = self._intents(asked.intent)
        if message in intents:
            raise self._refused(f"column {self._names[message]!r} cannot be both message and intent")
        taken = {message, *intents}
        if asked.category is not None:
            category: int | None = self._needed("category", asked.category, ())
        else:
            category = self._place(["category"], is_repeated=self._is_ticket)
            category = None if category in taken else category
        is_subject_read = self._is_ticket and asked.message is None
        subject = self._place([*_SUBJECTS, *_TITLES]) if is_subject_read else None
        return Places(
            message,
            intents,
            category,
            self._reply(message, taken),
            self._is_ticket,
            None if subject in taken else subject,
            self._guessed,
        )

    def _intents(self, asked: str | None) -> tuple[int, ...]:
        """Return the intent's column, or those that `scenario+action` joins."""
        parts = [asked]
        if asked is not None and "+" in asked and self._place([asked]) is None:
            parts = [part.strip() for part in asked.split("+")]
        usual = TICKET_INTENT_NAMES if self._is_ticket else INTENT_NAMES
        return tuple(self._needed("intent", part, usual) for part in parts)

    def _reply(self, message: int, taken: set[int]) -> int | None:
        """Return the column of replies in the messages' language; if these have none, the English or the first."""
        replies = [
            (language_of(name), place)
            for place, name in enumerate(self._names)
            if place not in taken and not _parts(name).isdisjoint(REPLY_NAMES)
        ]
        language = language_of(self._names[message])
        wanted = (language, "") if language else ("", "en", *(of for of, _ in replies))
        return next((place for one in wanted for of, place in replies if of == one), None)

    def _needed(self, what: str, name: str | None, usual: Sequence[str]) -> int:
        """Return the column of this name or number; without a name, the one with a usual name or one that ends so."""
        found = self._place(usual if name is None else [name], what, self._is_ticket and what != "message")
        if found is None and name is None and self._guessed is None:  # two of two could be a sentence
            found = self._guessed = self._guess(what, usual)
        if found is None and name is not None and name.isdecimal() and 0 < int(name) <= len(self._names):
            found = int(name) - 1
        if found is None:
            raise self._missing(what, name, usual)
        return found

    def _place(self, candidates: Sequence[str], what: str = "", is_repeated: bool = False) -> int | None:
        """Return the column whose whole name is a candidate, else one with a part, else a field within a record."""
        for candidate in candidates:
            found = self._whole(candidate)
            if len(found) > 1 and not is_repeated:
                name = self._names[found[0]]
                raise self._refused(f"column {name!r} occurs {len(found)} times: rename all but one")
            if found and candidates is TICKET_MESSAGE_NAMES and candidate in _EXCERPTS:
                nested = self._nested(
                    _WHOLE_TEXTS
                )  # the whole text within a record is more than an excerpt at hand
                return found[0] if nested is None else nested
            if found:
                return found[0]
        for candidate in candidates:
            found = self._part(candidate)
            if (chosen := self._only(found, what)) is not None:
                return chosen
        return self._nested(candidates)

    def _guess(self, what: str, usual: Sequence[str]) -> int | None:
        """Return the column whose last word is a usual name, such as `Customer Query`; None: there is none."""
        return self._only(self._where(lambda name: _ends_with(column_key(name), usual)), what)

    def _whole(self, candidate: str) -> list[int]:
        key = column_key(candidate)
        return self._where(lambda name: name == candidate) or self._where(
            lambda name: column_key(name) == key
        )

    def _part(self, candidate: str) -> list[int]:
        """Return the columns with this part (`Thema / Topic`); of several languages, the English."""
        key = column_key(candidate)
        found = self._where(lambda name: key in _parts(name))
        english = [place for place in found if language_of(self._names[place]) == "en"]
        return english if len(found) > 1 and english else found

    def _where(self, fits: Callable[[str], bool]) -> list[int]:
        return [place for place, name in enumerate(self._names) if fits(name)]

    def _nested(self, candidates: Sequence[str]) -> int | None:
        """Return the shallowest of the fields within records that a candidate names, of several the first name's."""
        keys = [column_key(name) for name in self._names]
        found = [
            (depth, order, place)
            for order, candidate in enumerate(map(column_key, candidates))
            for place, key in enumerate(keys)
            if (depth := depth_of(key, candidate)) is not None
        ]
        return min(found)[2] if found else None

    def _only(self, found: Sequence[int], what: str) -> int | None:
        """Return the first place; refuse several where an option can choose one of them."""
        if len(found) > 1 and what:
            both = " and ".join(repr(self._names[place]) for place in found)
            raise self._refused(f"columns {both} fit: choose one with --{what}-column")
        return next(iter(found), None)

    def _missing(self, what: str, name: str | None, usual: Sequence[str]) -> CorpusError:
        kind = UNLABELLED if name is None and what == "intent" else ""
        if name is None and len(self._names) == 1:
            return self._refused(ONE_COLUMN, UNLABELLED)
        missing = f"no {what} column ({', '.join(usual[:8])}, ...)" if name is None else f"no column {name!r}"
        keys = {column_key(n) for n in self._names}
        if what == "message" and name is None and not keys.isdisjoint(REPLY_NAMES):
            missing += " beside a column of replies (replies of intents are a file of their own: --replies)"
        there = ", ".join(repr(n[:60]) for n in self._names[:20]) or "none"
        return self._refused(
            f"{missing}; the columns are: {there}. Name the right one with --{what}-column; each row has one "
            "message, and its intent in a column",
            kind,
        )

    def _refused(self, reason: str, kind: str = "") -> CorpusError:
        return CorpusError([Problem(*self._at, reason, kind=kind)])


def _is_ticket(names: Sequence[str]) -> bool:
    """Whether a header has a ticket's subject and text."""
    last = {key.rpartition(".")[2] for key in map(column_key, names) if _is_of_message(key)}
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
    words = _CAMEL.sub("_", (custom[1] or custom[2]) if custom else name)
    return _SEPARATORS.sub("_", words).casefold()


def depth_of(key: str, wanted: str) -> int | None:
    """Return in how many records a column with this usual name is; None: it has another, or is about something else.

    Args: key, wanted: both as `column_key` returns them.
    """
    if not f".{key}".endswith(f".{wanted}") or not _is_of_message(key):
        return None
    return key.count(".") - wanted.count(".")


def _is_of_message(key: str) -> bool:
    """Whether a field is not in a record about something else, such as `requester.tags`."""
    return _NOT_OF_MESSAGES.isdisjoint(key.split(".")[:-1])


def language_of(name: str) -> str:
    """Return the code of the language that a column's name ends with (`Question (EN)`), or an empty string."""
    found = _LANGUAGE.search(name.strip())
    return _CODES[found[1].lower()] if found else ""


def other_languages(header: Sequence[str], places: Places) -> list[str]:
    """Return the columns that hold messages or replies in other languages than the one that is read."""
    chosen = language_of(header[places.message])
    if not chosen and places.reply is not None:
        chosen = language_of(header[places.reply])
    return [
        name
        for place, name in enumerate(header)
        if chosen and place != places.message and language_of(name) not in ("", chosen)
        if not _parts(name).isdisjoint((*MESSAGE_NAMES, *REPLY_NAMES))
    ]


def _parts(name: str) -> set[str]:
    """Return the keys of a name's parts, without the language: of `Thema / Topic`, `Question (EN)`."""
    parts = (part.strip() for part in re.split(r"\s/\s|\|", name))
    return {column_key(_LANGUAGE.sub("", part)) for part in parts}
