"""Fill placeholders such as `{{Order Number}}` with realistic values; other braces stay as they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import pandas as pd

from chatbot.dialog.replies import PLACEHOLDER

_SPACE = re.compile(r"\s+")

Draw = Callable[[int], int]
"""Returns an integer from 0 up to but excluding the argument."""


def fill(message: str, row_hash: str, seed: int = 0) -> str:
    """Return the message with every placeholder filled; a message without one is unchanged.

    Deterministic: the same message, row hash and seed give the same text on every machine and Python version.
    A placeholder that occurs twice in a message gets the same value twice. An unlisted placeholder is filled
    by the words in its name (`{{Tracking ID}}` is a number), else with the name itself in lower case; in single
    braces (`{x}`) it is text.
    """
    filled = 0

    def value(found: re.Match[str]) -> str:
        nonlocal filled
        text = _value(found[1] or found[2], row_hash, seed, bool(found[1]))
        if text is None:
            return found[0]
        filled += 1
        glued = found.start() > 0 and message[found.start() - 1].isalnum()
        return f" {text}" if glued else text

    result = PLACEHOLDER.sub(value, message)
    return _SPACE.sub(" ", result).strip() if filled else message


def fill_all(corpus: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Fill every message of a corpus (`data.loading.COLUMNS`); row hashes remain those of the source."""
    filled = [fill(m, h, seed) for m, h in zip(corpus["message"], corpus["row_hash"], strict=True)]
    return corpus.assign(message=pd.Series(filled, index=corpus.index, dtype="str"))


def _value(placeholder: str, row_hash: str, seed: int, unlisted: bool) -> str | None:
    name = _SPACE.sub(" ", placeholder.replace("_", " ").replace("-", " ")).strip().casefold()
    # A digest instead of `random`: `random.choice` gives different values for a seed in different Python versions.
    state = int.from_bytes(hashlib.blake2b(f"{seed}:{row_hash}:{name}".encode()).digest(), "big")

    def draw(below: int) -> int:
        nonlocal state
        state, drawn = divmod(state, below)
        return drawn

    for words, make in _MAKERS:
        if words.search(name):
            return make(draw)
    return name if unlisted else None


def _one_of(values: Sequence[str]) -> Callable[[Draw], str]:
    return lambda draw: values[draw(len(values))]


def _number(draw: Draw) -> str:
    digits = 10_000 + draw(99_990_000)
    return (f"{digits}", f"#{digits}", f"{digits:010d}", f"ORD-{digits}", f"#{digits % 100_000:05d}")[draw(5)]


def _amount(draw: Draw) -> str:
    whole = 5 + draw(995)
    return (f"{whole}", f"{whole}.{draw(100):02d}", f"{whole}.99")[draw(3)]


def _person(draw: Draw) -> str:
    return f"{_FIRST_NAMES[draw(len(_FIRST_NAMES))]} {_LAST_NAMES[draw(len(_LAST_NAMES))]}"


def _date(draw: Draw) -> str:
    return f"{1 + draw(28)} {_MONTHS[draw(12)]}"


_FIRST_NAMES = (
    "Alice", "Ahmed", "Anna", "Ben", "Carlos", "Chloe", "Daniel", "Elena", "Emma", "Fatima", "George",
    "Grace", "Hiro", "Ivan", "Jack", "Julia", "Kofi", "Laura", "Mia", "Noah", "Olga", "Priya", "Sam", "Wei",
)  # fmt: skip
_LAST_NAMES = (
    "Adams", "Brown", "Chen", "Costa", "Davies", "Garcia", "Hughes", "Ito", "Jones", "Khan", "Kowalski",
    "Lopez", "Martin", "Mensah", "Miller", "Murphy", "Novak", "Patel", "Rossi", "Silva", "Smith", "Taylor",
    "Weber", "Young",
)  # fmt: skip
_CITIES = (
    "Amsterdam", "Athens", "Austin", "Barcelona", "Berlin", "Boston", "Bristol", "Chicago", "Denver",
    "Dublin", "Glasgow", "Lagos", "Lisbon", "London", "Lyon", "Madrid", "Manchester", "Milan", "Mumbai",
    "Munich",
    "Nairobi", "New York", "Oslo", "Paris", "Prague", "Seattle", "Sydney", "Tokyo", "Toronto", "Vienna",
)  # fmt: skip
_COUNTRIES = (
    "Australia", "Austria", "Belgium", "Brazil", "Canada", "Denmark", "France", "Germany", "Greece", "India",
    "Ireland", "Italy", "Japan", "Kenya", "Mexico", "the Netherlands", "New Zealand", "Nigeria", "Norway",
    "Poland", "Portugal", "Spain", "Sweden", "Switzerland", "the UK", "the US",
)  # fmt: skip
_ACCOUNTS = ("basic", "business", "free", "freemium", "gold", "platinum", "premium", "pro", "standard")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_MAKERS: tuple[tuple[re.Pattern[str], Callable[[Draw], str]], ...] = (
    (re.compile(r"\bsymbol\b"), _one_of(("$", "€", "£"))),
    (re.compile(r"\bcurrency\b"), _one_of(("dollars", "euros", "pounds"))),
    (re.compile(r"\b(amount|price|fee|total|cost)\b"), _amount),
    (re.compile(r"\bphone\b"), _one_of(("555-0142", "+1 555 0117", "020 7946 0018"))),
    (re.compile(r"\be ?mail\b"), _one_of(("sam.lee@example.com", "j.novak@example.org"))),
    (re.compile(r"\b(url|link|website|page)\b"), _one_of(("www.example.com", "https://example.org/help"))),
    (re.compile(r"\b(number|id|code|reference|no)\b"), _number),
    (re.compile(r"\b(date|day)\b"), _date),
    (re.compile(r"\b(city|town|location)\b"), _one_of(_CITIES)),
    (re.compile(r"\bcountry\b"), _one_of(_COUNTRIES)),
    (re.compile(r"\baccount\b"), _one_of(_ACCOUNTS)),
    (re.compile(r"\bname\b"), _person),
    (re.compile(r"\b(quantity|count|offset|duration)\b"), lambda draw: str(2 + draw(58))),
)
"""The first entry whose pattern matches the placeholder's name generates its value."""
