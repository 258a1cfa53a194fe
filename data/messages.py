"""Normalise messages for comparison, and validate messages and intents."""

from __future__ import annotations

import hashlib
import re

from chatbot.dialog.message import clean, plain

MAX_CHARACTERS = 10_000
"""Upper limit of a message; a longer one usually results from an unclosed quote in a CSV file."""
MAX_INTENT_CHARACTERS = 200
NO_INTENT, NO_MESSAGE = "the intent is empty", "the message is empty"

# White space is allowed, including vertical tab and form feed, which old exports contain.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_SPREADSHEET_ERRORS = frozenset(
    ["#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!"]
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def normalise(message: str) -> str:
    """Return the form used for comparison: NFKC, plain apostrophes, case-folded, single spaces."""
    return plain(clean(message)).casefold()


def row_hash(message: str, intent: str) -> str:
    """Return a row's digest, 32 hexadecimal digits; independent of case, spacing and position."""
    return hashlib.blake2b(f"{normalise(message)}\0{intent}".encode(), digest_size=16).hexdigest()


def message_fault(message: str) -> str | None:
    """Return why this message cannot be used for training, or None if it can."""
    if not message:
        return NO_MESSAGE
    if fault := _unreadable(message, "the message"):
        return fault
    if message.isspace():
        return "the message is only white space"
    if not clean(message):
        return f"the message {message[:40]!r} says nothing: only invisible characters"
    if len(message) > MAX_CHARACTERS:
        count = f"{len(message):,} characters, the most is {MAX_CHARACTERS:,}"
        return f"the message has {count}: is a quote not closed? It begins {message[:40]!r}"
    return None


def intent_fault(intent: str) -> str | None:
    """Return why this cannot be an intent's name, or None if it can."""
    if not intent.strip():
        return NO_INTENT
    if fault := _unreadable(intent, "the intent"):
        return fault
    if len(intent) > MAX_INTENT_CHARACTERS or len(intent.splitlines()) > 1:
        limit = f"one line of at most {MAX_INTENT_CHARACTERS} characters"
        return f"the intent {intent[:60]!r} is not a name: a name is {limit}"
    return None


def _unreadable(text: str, what: str) -> str | None:
    if text.strip() in _SPREADSHEET_ERRORS:
        return f"{what} is the error {text.strip()} of a formula: correct it in the spreadsheet"
    if control := _CONTROL.search(text):
        name = "NUL" if control[0] == "\0" else "control character"
        name = f"a {name} (U+{ord(control[0]):04X})"
        return f"{what} holds {name} at character {control.start() + 1}: remove it"
    if half := _SURROGATE.search(text):
        name = f"a lone surrogate (U+{ord(half[0]):04X}, half a character)"
        return f"{what} holds {name} at character {half.start() + 1}: remove it"
    return None
