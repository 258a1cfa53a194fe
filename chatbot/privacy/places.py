"""PII redaction of street addresses with their postcodes, and of dates of birth."""

from __future__ import annotations

from collections.abc import Iterator

from chatbot.privacy.draft import Draft, Pattern, Span
from chatbot.privacy.phrases import BIRTH, BIRTH_HINTS, MONTHS
from chatbot.privacy.streets import AFTER_STREET, GERMANIC, GERMANIC_ENDINGS, STREETS

_STREETS = tuple((hints, Pattern(street)) for hints, street in STREETS)
_GERMANIC = Pattern(GERMANIC)
STREET_HINTS = frozenset[str]().union(*(hints for hints, _ in STREETS))
_AFTER = Pattern(AFTER_STREET)
_DATE = rf"""(?: \d{{1,2}}(?P<s>\s?[./-]\s?)\d{{1,2}}(?P=s)\d{{2,4}} | \d{{4}}[./-]\d{{1,2}}[./-]\d{{1,2}} | \d{{1,2}}[ ]\d{{1,2}}[ ]\d{{2,4}} | (?:19|20)\d{{6}}
    | \d{{1,2}}(?:st|nd|rd|th|er|\.|º)?[ ,-]{{1,2}}(?:de[ ]|of[ ])?(?:{MONTHS})\.?,?(?:[ -](?:de[ ]|del[ ])?(?:\d{{4}}|'?\d\d))?
    | (?:{MONTHS})\.?[ ]\d{{1,2}}(?:st|nd|rd|th)?,?[ ]\d{{4}} | (?:19|20)\d\d(?=[ ]*(?:[.,;!?]|\Z)) )"""
_BIRTH = Pattern(rf"(?<!\w)(?:{BIRTH})(?!\w) [^\d!?]{{0,24}}? (?<![\w.,/-]) (?P<date>{_DATE}) (?!\w)")


def redact_places(draft: Draft) -> None:
    """Mark street addresses; needs digits in the text."""
    for hints, street in _STREETS:
        if not hints.isdisjoint(draft.hints):
            draft.mark(_addresses(street, draft.text))
    if any(word.endswith(GERMANIC_ENDINGS) for word in draft.words):
        draft.mark(_addresses(_GERMANIC, draft.text))


def redact_births(draft: Draft) -> None:
    """Mark dates that a word says to be of birth."""
    if not BIRTH_HINTS.isdisjoint(draft.hints):
        draft.mark((*found.span("date"), "<DOB>") for found in _BIRTH.finditer(draft.text))


def _addresses(street: Pattern, text: str) -> Iterator[Span]:
    for found in street.finditer(text):
        after = _AFTER.match(text, found.end())
        yield found.start(), after.end() if after else found.end(), "<ADDRESS>"
