"""Detect the code page of a text by the alphabets of the languages that use it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chatbot.documents import read_yaml

_CANDIDATES: list[dict[str, Any]] = read_yaml(Path(__file__).with_name("code_pages.yaml"))
_LARGEST_COST = 0.03
"""Share of letters outside the alphabet above which the text is in none of these languages."""
_CAPITAL_COST, _SHOUTED_COST = 0.3, 0.02
"""Cost of a capital within a word, and in a row without small letters: Windows-1251 read as KOI8-R swaps them."""
_MOST_CAPITALS = 0.5
"""Share of capitals among the letters within words above which it is not this script."""
_SYMBOL = re.compile(r"(?<=[^\W\d_])[^\w\s\x00-\x7f‘’·–—…](?=[^\W\d_])|[\x80-\x9f\u2500-\u259f¹²³¨¯¸ˇ˛]")
_SIGMA = re.compile(r"ς(?=\w)")
_LETTER = re.compile(r"[^\W\d_\x00-\x7f]")
_INSIDE = re.compile(r"(?<=[^\W\d_])(?=[^\x00-\x7f])[^\W\d_]")


def alphabet_page(lines: Iterable[bytes]) -> str | None:
    """Return the code page whose languages explain nearly all letters outside ASCII; None: no page does.

    Every line may be in another language of the page. A code page is refuted by letters that do not occur together in
    any of its languages (`sipariþim müþteri`), by symbols within words, and by capitals within words.
    """
    # The same text in other rows adds no evidence.
    texts = list(dict.fromkeys(lines))
    best: tuple[float, str] | None = None
    for candidate in _CANDIDATES:
        try:
            decoded = [text.decode(candidate["page"]) for text in texts]
        except UnicodeDecodeError:
            continue
        found = [_LETTER.findall(text.lower()) for text in decoded]
        letters = [letter for row in found for letter in row]
        marks = candidate.get("marks", "")
        if sum(letter in marks for letter in letters) < candidate.get("share", 0.0) * len(letters):
            continue
        inside = _INSIDE.findall("\n".join(decoded))
        if sum(letter.isupper() for letter in inside) > _MOST_CAPITALS * len(inside):
            continue
        cost = sum(_cost(text, row, candidate["alphabets"]) for text, row in zip(decoded, found, strict=True))
        if cost <= _LARGEST_COST * max(1, len(letters)) and (best is None or cost < best[0]):
            best = cost, candidate["page"]
    return best[1] if best else None


def _cost(text: str, letters: list[str], alphabets: list[str]) -> float:
    foreign: int = min(sum(letter not in alphabet for letter in letters) for alphabet in alphabets)
    capitals: int = sum(letter.isupper() for letter in _INSIDE.findall(text))
    cost = _SHOUTED_COST if text.isupper() else _CAPITAL_COST
    return foreign + len(_SYMBOL.findall(text)) + len(_SIGMA.findall(text)) + cost * capitals
