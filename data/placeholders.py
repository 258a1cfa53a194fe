"""Fill placeholders such as `{{Order Number}}` with realistic values; other braces stay as they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from chatbot.dialog.replies import PLACEHOLDER
from chatbot.documents import read_yaml

_VALUES: dict[str, list[str]] = read_yaml(Path(__file__).with_name("placeholders.yaml"))
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


def _one_of(what: str) -> Callable[[Draw], str]:
    values = _VALUES[what]
    return lambda draw: values[draw(len(values))]


def _number(draw: Draw) -> str:
    digits = 10_000 + draw(99_990_000)
    return (f"{digits}", f"#{digits}", f"{digits:010d}", f"ORD-{digits}", f"#{digits % 100_000:05d}")[draw(5)]


def _amount(draw: Draw) -> str:
    whole = 5 + draw(995)
    return (f"{whole}", f"{whole}.{draw(100):02d}", f"{whole}.99")[draw(3)]


def _person(draw: Draw) -> str:
    return f"{_one_of('first_names')(draw)} {_one_of('last_names')(draw)}"


def _date(draw: Draw) -> str:
    return f"{1 + draw(28)} {_one_of('months')(draw)}"


_MAKERS: tuple[tuple[re.Pattern[str], Callable[[Draw], str]], ...] = (
    (re.compile(r"\bsymbol\b"), _one_of("symbols")),
    (re.compile(r"\bcurrency\b"), _one_of("currencies")),
    (re.compile(r"\b(amount|price|fee|total|cost)\b"), _amount),
    (re.compile(r"\bphone\b"), _one_of("phones")),
    (re.compile(r"\be ?mail\b"), _one_of("addresses")),
    (re.compile(r"\b(url|link|website|page)\b"), _one_of("pages")),
    (re.compile(r"\b(number|id|code|reference|no)\b"), _number),
    (re.compile(r"\b(date|day)\b"), _date),
    (re.compile(r"\b(city|town|location)\b"), _one_of("cities")),
    (re.compile(r"\bcountry\b"), _one_of("countries")),
    (re.compile(r"\baccount\b"), _one_of("accounts")),
    (re.compile(r"\bname\b"), _person),
    (re.compile(r"\b(quantity|count|offset|duration)\b"), lambda draw: str(2 + draw(58))),
)
"""The first entry whose pattern matches the placeholder's name generates its value."""
