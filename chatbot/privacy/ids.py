"""PII redaction of ids whose shape identifies them: government ids by country, and tracking numbers by carrier."""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations

import re
from collections.abc import Iterator

from chatbot.privacy.draft import Draft, Pattern, Span
from chatbot.privacy.numbers import NUMBER

_LETTERS = 12
_SHAPES = {
    "United Kingdom": r"(?:QQ|[A-CEGHJ-PR-TW-Z]{2})[ -]?\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-D] | [A-Z9]{5}[ ]?\d{6}[ ]?[A-Z9]{2}\d[ ]?[A-Z]{2}",
    "Ireland": r"\d{7}[A-W][A-IW]?",
    "India": r"[A-Z]{5}\d{4}[A-Z] | [2-9]\d{3}[ -]\d{4}[ -]\d{4} | [A-Z]{4}0[A-Z\d]{6}",
    "Singapore": r"[STFGM]\d{7}[A-Z]",
    "Germany": r"[CFGHJKLMNPRTVWXYZ\d]{9}\d?D | \d\d[ ]?\d{6}[ ]?[A-Z][ ]?\d{3} | \d{2}[ ]\d{3}[ ]\d{3}[ ]\d{3}",
    "Austria": r"\d{4}[ ](?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d\d",
    "Switzerland": r"756\.?\d{4}\.?\d{4}\.?\d\d",
    "France": r"[12][ ]?\d\d[ ]?(?:0[1-9]|1[0-2])[ ]?(?:\d\d|2[AB])[ ]?\d{3}[ ]?\d{3}(?:[ ]?\d\d)?",
    "Belgium": r"\d\d\.\d\d\.\d\d-\d{3}[.-]\d\d",
    "South Korea": r"\d{6}-[1-8]\d{6}",
    "Poland (NIP)": r"\d{3}-\d{3}-\d\d-\d\d | \d{3}-\d\d-\d\d-\d{3}",
    "Netherlands": r"\d{4}\.\d\d\.\d{3}",
    "Spain": r"\d{8}[ -]?[A-HJ-NP-TV-Z] | [XYZ][ -]?\d{7}[ -]?[A-Z] | [A-W]-?\d{8}",
    "Italy": r"[A-Z]{3}[ ]?[A-Z]{3}[ ]?\d\d[A-EHLMPRST]\d\d[ ]?[A-Z]\d{3}[A-Z]",
    "Portugal": r"\d{8}[ ]?\d[ ]?[A-Z]{2}\d",
    "Sweden, Denmark, Norway, Finland": r"(?:19|20)?\d{6}[-+]\d{4} | \d{6}[ ]\d{5} | \d{6}[-+A]\d{3}[\dA-Y]",
    "Poland": r"[A-Z]{3}[ ]?\d{6}",
    "Brazil": r"\d{3}\.\d{5}\.\d\d-\d | \d{3}\.\d{3}\.\d{3}[-.]\d\d | \d\d\.\d{3}\.\d{3}/\d{4}-\d\d | \d\d\.\d{3}\.\d{3}-[\dX]",
    "Mexico": r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d | [A-ZÑ&]{3,4}\d{6}[A-Z\d]{3}",
    "Argentina": r"(?:2[0347]|3[034])-?\d{8}-?\d",
    "Chile": r"\d{1,2}\.?\d{3}\.?\d{3}-[\dK]",
    "Colombia, Argentina": r"1\.\d{3}\.\d{3}\.\d{3} | \d{1,2}\.\d{3}\.\d{3}",
    "UPS, Universal Postal Union, DHL, Amazon": r"1Z(?:[ ]?[A-Z\d]){16} | [A-Z]{2}[ ]?\d{3}[ ]?\d{3}[ ]?\d{3}[ ]?[A-Z]{2} | JJ?D[ ]?\d{10,20} | TBA\d{10,14} | H\d{4}A\d{8}",
}
_ID = Pattern(
    rf"""(?<![\w.,$€£/-]) (?<!\d[ ]) (?:{"|".join(f"(?:{shape})" for shape in _SHAPES.values())})
    (?!\w|[ .,/-]\d|[ ]?[$€£]|[ ](?:EUR|eur|USD|usd|pesos|reais|km|kr)\b)""",
    re.VERBOSE,
)


def redact_ids(draft: Draft, numbers: list[re.Match[str]]) -> None:
    """Mark government ids and tracking numbers.

    Args:
        draft: the text.
        numbers: its runs of digits.
    """
    draft.mark(_ids(draft.text, numbers))


def _ids(text: str, numbers: list[re.Match[str]]) -> Iterator[Span]:
    done = 0
    for number in numbers:
        if number.start() < done:
            continue
        for start in _starts(text, number.start()):
            if found := _ID.match(text, start):
                yield start, found.end(), NUMBER
                done = found.end()
                break


def _starts(text: str, position: int) -> Iterator[int]:
    """Yield where an id may begin whose first digit is here: with the letters before it, and two words of capitals."""
    start = position
    while start > 0 and position - start < _LETTERS and text[start - 1].isalpha():
        start -= 1
    yield start
    for _ in range(2):
        word = text.rfind(" ", max(0, start - _LETTERS), max(0, start - 1)) + 1
        if word < start - 1 and text[start - 1] == " " and text[word : start - 1].isupper():
            yield word
            start = word
