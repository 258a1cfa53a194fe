"""PII redaction of IBANs with valid check digits (ISO 13616), and of those that "IBAN" names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chatbot.privacy.draft import Draft, Pattern, Span

_LEAST_DIGITS = 8
_NEAR = 16
_START = Pattern(r"(?<![^\W_])[a-z]{2}\d\d(?=[ ./_-]{0,2}[a-z0-9])")
_IBAN = Pattern(r"[a-z]{2}\d\d(?:[ ./_-]{0,2}[a-z0-9]){11,30}", re.IGNORECASE | re.ASCII)
# IBAN length by country (SWIFT registry); without it, words after an IBAN would be taken for a part of it.
_LENGTHS = dict(
    re.findall(
        r"(\D\D)(\d\d)",
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22"
        "GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22"
        "MK19MR27MT31MU30NL18NO15PK24PL28PS29PT25QA29RO24RS22SA24SC31SE24SI19SK24SM27ST25SV28TL23TN24TR26UA29"
        "VA22VG24XK20",
    )
)


def redact_ibans(draft: Draft) -> None:
    """Mark IBANs."""
    if sum(map(str.isdecimal, draft.text)) >= _LEAST_DIGITS:
        draft.mark(_ibans(draft.text))


def _ibans(text: str) -> Iterator[Span]:
    for start in _START.finditer(text):
        if end := _end(text, start.start()):
            yield start.start(), end, "<IBAN>"


def _end(text: str, start: int) -> int:
    """Return the end of the IBAN that starts here; 0 if country, length or unnamed check digits are invalid."""
    length = int(_LENGTHS.get(text[start : start + 2].upper(), 0))
    found = _IBAN.match(text, start) if length else None
    if found is None:
        return 0
    places = [place for place in range(start, found.end()) if text[place].isalnum()][:length]
    iban = "".join(text[place] for place in places).upper()
    after = text[places[-1] + 1 : places[-1] + 2]
    if len(iban) < length or after.isalnum():
        return 0
    named = "iban" in text[max(0, start - _NEAR) : start].lower()
    return (
        places[-1] + 1 if named or int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1 else 0
    )
