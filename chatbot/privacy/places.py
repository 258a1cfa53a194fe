"""PII redaction of street addresses with their postcodes, and of dates of birth."""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations

import re
from collections.abc import Iterator
from re import IGNORECASE, VERBOSE

from chatbot.privacy import phrases, streets
from chatbot.privacy.draft import MASK, Draft, Pattern, Span
from chatbot.word_lists import words_of

_NUMBER_FIRST = tuple((words, Pattern(street)) for words, street in streets.NUMBER_FIRST)
_NUMBER_LAST = tuple((words, Pattern(street)) for words, street in streets.NUMBER_LAST)
_STREET_ENDS = streets.ENGLISH_WORDS
STREET_WORDS = frozenset[str]().union(*(words for words, _ in streets.NUMBER_FIRST + streets.NUMBER_LAST))
_AFTER = Pattern(streets.AFTER_STREET)
_IS_NEXT = Pattern(streets.ENGLISH)
_UNIT_BEFORE = Pattern(streets.UNIT_BEFORE)
_GERMANIC_BEFORE = Pattern(streets.GERMANIC_BEFORE)
_HOUSE_NUMBER = Pattern(streets.HOUSE_NUMBER)
_BY_POSTCODE, _BEFORE_POSTCODE = Pattern(streets.BY_POSTCODE), Pattern(streets.BEFORE_POSTCODE)
_STATED_POSTCODE = Pattern(streets.STATED_POSTCODE)
_POSTCODE_WORDS = words_of("""postcode postal zip zipcode post postleitzahl plz cap cep cp pocztowy eircode pincode pin irányítószám
    postnummer psč poștal индекс""")
_LABELLED, _BUILDING, _STREET_BEFORE = (
    Pattern(streets.LABELLED, VERBOSE),
    Pattern(streets.BUILDING, VERBOSE),
    Pattern(streets.STREET_BEFORE, 0),
)
_LIST = Pattern(streets.LIST, IGNORECASE)
_ROOM = Pattern(rf"(?<={MASK}){streets.ROOM}", IGNORECASE)
_LETTERS = Pattern(r"[^\W\d_]+", 0)
_FAR = 64
_NEAR = 24
_DATE = rf"""(?: \d{{1,2}}(?P<s>\s?[./-]\s?)\d{{1,2}}(?P=s)\d{{2,4}} | \d{{4}}[./-]\d{{1,2}}[./-]\d{{1,2}} | \d{{1,2}}[ ]\d{{1,2}}[ ]\d{{2,4}} | (?:19|20)\d{{6}}
    | \d{{1,2}}(?:st|nd|rd|th|er|\.|º)?[ ,-]{{1,2}}(?:de[ ]|of[ ])?(?:{phrases.MONTHS})\.?,?(?:[ -](?:de[ ]|del[ ])?(?:\d{{4}}|'?\d\d))?
    | (?:{phrases.MONTHS})\.?[ -]\d{{1,2}}(?:st|nd|rd|th)?,?[ -]\d{{2,4}} | \d{{1,2}}(?:st|nd|rd|th)?,?[ ]\d{{4}} | (?:19|20)\d\d(?=[ ]*(?:[.,;!?]|\Z)) )"""
_BIRTH = Pattern(rf"(?P<word>\w++) [^\d!?]{{0,32}}+ (?P<date>{_DATE}) (?!\w)")
_BORN_AFTER = Pattern(
    rf"(?<!\w) (?P<date>{_DATE}) (?:[ ](?:is|ist|est|es|è|é)[ ](?:my|mein|ma|mon|mi|mia|minha|la[ ]mia|a[ ]minha)(?:[ ]date[ ]of|[ ]fecha[ ]de|[ ]data[ ]di)?)? [ ,]{{1,2}} \Z"
)
_MONTH_BEFORE = Pattern(rf"(?<!\w)(?:{phrases.MONTHS})\.?[ ]\Z")


def redact_places(draft: Draft, numbers: list[re.Match[str]]) -> None:
    """Mark street addresses.

    Args:
        draft: the text.
        numbers: its runs of digits: each may be a house number.
    """
    if not _POSTCODE_WORDS.isdisjoint(draft.words):
        draft.mark((*found.span("postcode"), "<ADDRESS>") for found in _STATED_POSTCODE.finditer(draft.text))
    for words, street in _NUMBER_FIRST:
        if draft.has(words):
            draft.mark(_number_first(street, draft.text, numbers))
    for words, street in _NUMBER_LAST:
        if draft.has(words):
            draft.mark(_with_postcode(draft.text, *found.span()) for found in draft.matches(street, words))
    if any(
        word.endswith(streets.GERMANIC_ENDINGS) for word in draft.words
    ) or not streets.SEPARATE.isdisjoint(draft.words):
        draft.mark(_germanic(draft.text, numbers))
    draft.mark(_by_postcode(draft.text, numbers))
    if not _STREET_ENDS.isdisjoint(draft.words):
        draft.mark(_number_after(draft.text, numbers))
    if "," in draft.text and not streets.PARTS.isdisjoint(draft.words):
        draft.mark(_lists(draft.text))
    if MASK in draft.text:
        draft.mark((*found.span(), "<ADDRESS>") for found in _ROOM.finditer(draft.text))


def redact_named_places(draft: Draft) -> None:
    """Mark addresses in fields of forms, and buildings with a name; they need no number."""
    if ":" in draft.text and not streets.LABEL_WORDS.isdisjoint(draft.words):
        draft.mark(
            (*found.span("address"), "<ADDRESS>")
            for found in _LABELLED.finditer(draft.text)
            if found[0].split()[0].rstrip(":").lower() in streets.LABEL_WORDS
        )
    if not streets.BUILDING_WORDS.isdisjoint(draft.words):
        draft.mark((*found.span(), "<ADDRESS>") for found in _BUILDING.finditer(draft.text))


def redact_births(draft: Draft) -> None:
    """Mark dates that a word says to be of birth."""
    draft.mark(_born_after(draft))
    for found in draft.matches(_BIRTH, phrases.BIRTH_WORDS):
        if len(found["word"]) == 1 and not draft.lower.endswith("d.o.", 0, found.start()):
            continue
        month = _MONTH_BEFORE.search(found.string, max(0, found.start("date") - _NEAR), found.start("date"))
        draft.mark([(month.start() if month else found.start("date"), found.end("date"), "<DOB>")])


def _born_after(draft: Draft) -> Iterator[Span]:
    """Find "am 25.1.1957 geboren", "3 March 1985 is my birthday"."""
    for place in draft.places(phrases.BIRTH_WORDS):
        found = _BORN_AFTER.search(draft.text, max(0, place - _FAR), place)
        if found and found.start() > place - _FAR:
            yield *found.span("date"), "<DOB>"


def _number_first(street: Pattern, text: str, numbers: list[re.Match[str]]) -> Iterator[Span]:
    for number in numbers:
        start = number.start()
        if (start and text[start - 1].isalnum()) or not (found := street.match(text, start)):
            continue
        unit = _UNIT_BEFORE.search(text, max(0, start - _NEAR), start)
        yield _with_postcode(text, unit.start() if unit else start, found.end())


def _number_after(text: str, numbers: list[re.Match[str]]) -> Iterator[Span]:
    """Find "Queens Crescent 5"."""
    for number in numbers:
        if len(number[0]) <= 4 and not text[number.end() : number.end() + 1].isalpha():
            street = _STREET_BEFORE.search(text, max(0, number.start() - _FAR), number.start())
            if street:
                yield _with_postcode(text, street.start(), number.end())


def _germanic(text: str, numbers: list[re.Match[str]]) -> Iterator[Span]:
    """Find "Lindenweg 3": a word that ends like a street, and a number."""
    for number in numbers:
        before = text[max(0, number.start() - _FAR) : number.start()]
        if before.rstrip().lower().endswith(streets.GERMANIC_ENDINGS) and (
            house := _HOUSE_NUMBER.match(text, number.start())
        ):
            street = _GERMANIC_BEFORE.search(before)
            if street and _is_street(street[0].rstrip()):
                yield _with_postcode(text, number.start() - len(before) + street.start(), house.end())


def _lists(text: str) -> Iterator[Span]:
    """Find "Flat 12B, Tower 3, Taikoo Shing": a list with a number and a word for a part of an address."""
    for found in _LIST.finditer(text):
        words = set(_LETTERS.findall(found[0].lower()))
        needed = streets.PARTS if found[0].count(",") > 1 else streets.SURE_PARTS
        if not needed.isdisjoint(words) and words - streets.PARTS and any(map(str.isdecimal, found[0])):
            yield *found.span(), "<ADDRESS>"


def _by_postcode(text: str, numbers: list[re.Match[str]]) -> Iterator[Span]:
    """Find "Mühlenkamp 17, 22303 Hamburg": words with a capital, a number, a postcode and a town."""
    for number in numbers[1:]:
        start = number.start()
        if text.startswith(", ", start - 2) and (found := _BY_POSTCODE.match(text, start)):
            begin = max(0, start - _FAR)
            if before := _BEFORE_POSTCODE.search(text, begin, start):
                yield before.start(), found.end(), "<ADDRESS>"


def _is_street(name: str) -> bool:
    """Whether this is a street, not a word like "ring" and "Ordering"."""
    if name.lower() in streets.GERMANIC_ENDINGS or name.endswith(streets.VERB_ENDINGS):
        return False
    return name[0].isupper() or name.endswith(streets.SURE_ENDINGS)


def _with_postcode(text: str, start: int, end: int) -> Span:
    after = _AFTER.match(text, end)
    if after and not (after["postcode"] and _IS_NEXT.match(text, after.start("postcode"))):
        end = after.end()
    return start, end, "<ADDRESS>"
