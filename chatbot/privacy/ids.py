"""PII redaction of ids whose shape identifies them: government ids by country, and tracking numbers by carrier."""

from __future__ import annotations

import re

from chatbot.privacy.draft import Draft, Pattern
from chatbot.privacy.numbers import NUMBER

_LEAST_DIGITS = 4
_SHAPES = {
    "United Kingdom": r"[A-CEGHJ-PR-TW-Z]{2}[ -]?\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-D] | [A-Z9]{5}\d{6}[A-Z9]{2}\d[A-Z]{2}",
    "Ireland": r"\d{7}[A-W][A-IW]?",
    "India": r"[A-Z]{5}\d{4}[A-Z] | [2-9]\d{3}[ -]\d{4}[ -]\d{4} | [A-Z]{4}0[A-Z\d]{6}",
    "Singapore": r"[STFGM]\d{7}[A-Z]",
    "Germany": r"[CFGHJKLMNPRTVWXYZ\d]{9}\d?D | \d{2}[ ]\d{3}[ ]\d{3}[ ]\d{3}",
    "Austria": r"\d{4}[ ](?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d\d",
    "Switzerland": r"756\.?\d{4}\.?\d{4}\.?\d\d",
    "France": r"[12][ ]?\d\d[ ]?(?:0[1-9]|1[0-2])[ ]?(?:\d\d|2[AB])[ ]?\d{3}[ ]?\d{3}(?:[ ]?\d\d)?",
    "Belgium": r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d",
    "Netherlands": r"\d{4}\.\d\d\.\d{3}",
    "Spain": r"\d{8}[ -]?[A-HJ-NP-TV-Z] | [XYZ][ -]?\d{7}[ -]?[A-Z] | [A-W]-?\d{8}",
    "Italy": r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]",
    "Sweden, Denmark, Norway, Finland": r"(?:19|20)?\d{6}[-+]\d{4} | \d{6}[ ]\d{5} | \d{6}[-+A]\d{3}[\dA-Y]",
    "Poland": r"[A-Z]{3}[ ]?\d{6}",
    "Brazil": r"\d{3}\.\d{3}\.\d{3}[-.]\d\d | \d\d\.\d{3}\.\d{3}/\d{4}-\d\d | \d\d\.\d{3}\.\d{3}-[\dX]",
    "Mexico": r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d | [A-ZÑ&]{3,4}\d{6}[A-Z\d]{3}",
    "Argentina": r"(?:2[0347]|3[034])-?\d{8}-?\d",
    "Chile": r"\d{1,2}\.?\d{3}\.?\d{3}-[\dK]",
    "Colombia, Argentina": r"1\.\d{3}\.\d{3}\.\d{3} | \d{1,2}\.\d{3}\.\d{3}",
    "UPS, Universal Postal Union, DHL, Amazon": r"1Z(?:[ ]?[A-Z\d]){16} | [A-Z]{2}[ ]?\d{3}[ ]?\d{3}[ ]?\d{3}[ ]?[A-Z]{2} | JJ?D[ ]?\d{10,20} | TBA\d{10,14} | H\d{4}A\d{8}",
}
_ID = Pattern(
    rf"""(?<![\w.,$€£/-]) (?<!\d[ ]) (?:{"|".join(f"(?:{shape})" for shape in _SHAPES.values())}) (?!\w|[ .,/-]\d|[ ]?[$€£]|[ ](?:EUR|eur|USD|usd|pesos|reais|km|kr)\b)""",
    re.VERBOSE,
)


def redact_ids(draft: Draft, digits: int) -> None:
    """Mark government ids and tracking numbers.

    Args:
        draft: the text.
        digits: the number of digits in it.
    """
    if digits >= _LEAST_DIGITS:
        draft.mark((*found.span(), NUMBER) for found in _ID.finditer(draft.text))
