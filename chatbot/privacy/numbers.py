"""PII redaction of long numbers that no word names: cards, phones, ids. Keeps prices, dates, years and times.

Replaces runs of digits, including separators (spaces, dots, dashes), and classifies each by its shape and by
the words before it.
"""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, pairwise

from chatbot.privacy.draft import Draft, Pattern, Span
from chatbot.privacy.phrases import CURRENCIES, DIGIT_WORDS, NAMING, NO_NUMBERS, PHONE_HINTS

CARD, PHONE, NUMBER = "<CARD>", "<PHONE>", "<NUMBER>"
LONG = 6
"""Minimum number of digits that is redacted without a name."""
SHORT = 3
"""Minimum number of digits that is redacted after a #."""
MAX_RUNS = 40
"""Number of separate digit runs above which a message is not prose: each is then redacted without being classified."""

MAX_TOKENS = 1_000
"""Number of words of a message that are searched for spelled digits."""

_DICTATED = 8
"""Minimum number of single digits, one after the other, that are a dictated number."""
_CARD_LENGTH, _SPELLED = 15, 4
_NEAR, _FAR = 24, 48
"""Characters before a number that are searched for a phone hint."""
DIGITS = Pattern(r"\d+", 0)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_CURRENCY = rf"(?: [$€£¥₹₩₽₺%‰] | (?:{CURRENCIES})\b )"
PROTECTED = Pattern(
    rf"""(?<![\d.,]) (?<!\d[ /-]) (?:
        {_DAY} (?P<sep>[./-]) {_DAY} (?P=sep) (?:19|20)?\d\d (?![./-]?\d)
      | {_DAY} [ ] (?:0?[1-9]|1[0-2]) [ ] (?:19|20)\d\d (?![ ]?\d)
      | (?:19|20)\d\d (?P<dot>[./ -]) (?:0?[1-9]|1[0-2]) (?P=dot) {_DAY} (?![./-]?\d)
      | \d{{1,2}} : \d\d (?: :\d\d (?:[.,]\d{{1,6}})? )? (?![\d:])
      | \d{{1,3}} (?:[ .,']\d{{3}}){{1,4}} (?:[.,]\d\d)? (?=[ ]?{_CURRENCY})
      | (?!0\d) \d{{1,9}} (?:[.,]\d\d?)? (?=[ ]?{_CURRENCY})
      | \d{{1,5}} (?:[x×]\d{{1,5}}){{1,3}} (?!\w)
      | 0x[\da-f]{{2,8}} (?!\w)
      | (?:240|360|480|720|1080|1440|2160)[pi]\d{{0,3}} (?!\w)
    )
    | (?: (?:R|US|CA|AU|A|C|NZ|HK|S|MX)?[$€£¥₹₩₽₺] |
    (?<!\w)(?:usd|eur|gbp|chf|inr|rs\.?|cad|aud|nzd|sek|nok|dkk|pln|jpy|brl|mxn|kr\.?) ) [ ]?
      \d{{1,12}}(?!\d) (?:[.,']\d{{3}}(?!\d))* (?:[.,]\d\d?(?!\d))?
    | (?<!\w) (?:v|version|build|ios|android|windows|macos|firmware)\.?[ ]?
      \d{{1,6}} (?:\.\d{{1,6}}){{1,4}} (?!\w)
    """
)
"""Dates, times, prices, screen sizes, error codes, versions: digits that are not PII."""
_MARGIN = 12

_CANDIDATE = Pattern(
    r"""(?<!\w) (?:
        (?P<run> (?:\(?\+[ ]?|\()? \d++ (?!\w)
                 (?>(?: (?:[ ]?[-–_*|][ ]?|[./][ ]?|[ ]{1,3}(?:[./][ ])?|[ ]?[()]{1,2}[ -]{0,3})
                     \d++ (?>(?:(?<=\d{4})[ ]?(?:x|ext\.?[ ]?)\d{1,5})?) (?!\w) )*) )
      | (?P<code> (?=[^\W\d]{0,24}[\-_]?\d) \w [\w\-]*+ )
    )"""
)
_SEPARATED_CARD = Pattern(
    r"(?<!\w) (?: \d{4} (?P<by>\W{1,3}) \d{4} (?P=by) \d{4} (?P=by) \d{4} | \d{4} (?P<sep>\W{1,3}) \d{6} (?P=sep) \d{5} ) (?!\w)"
)
"""The groups of a card with any separator: a `_CANDIDATE` ends at a comma, which separates numbers elsewhere."""
_PHONE_AFTER = Pattern(
    r"[ ](?:is|ist|est|es|è|é)[ ](?:my|meine?|mon|mi|il[ ]mio|mijn)[ ](?:\w{1,12}[ ])?(?:phone|mobile|cell|number|handy|telefon|portable|móvil|cellulare|nummer)"
)
_FILE = Pattern(r"\.(?:jpe?g|png|gif|heic|pdf|docx?|xlsx?|csv|zip|mp[34]|mov|txt|log)(?!\w)")
_ANY_RUN = Pattern(r"\d+(?>(?:[\W_]{1,3}\d+)*)", 0)
_TOKEN = Pattern(r"[^\W_]+", 0)
_CARD_STARTS = "23456"
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_YEAR = re.compile(r"(?:19|20)\d\d\Z")
_WORD = Pattern(r"[^\W\d_]+", 0)
STANDARD = Pattern(
    r"(?:(?:AES|SHA|ORA|DDR|PC|RTX|GTX|ISO|IEC|DIN|EN|RFC|KB|ANSI|ASTM|JIS|i[3579])\d?-\d{2,5}[A-Z]{0,2}|CVE-\d{4}-\d{4,6})(?![\w-])",
    0,
)
"""Names of standards, parts and errors: "DDR5-6000", "CVE-2021-44228"."""
_COLOUR = Pattern(r"(?=\d*[a-f])(?=[a-f]*\d)[\da-f]{6}(?!\w)")
_BARCODES = frozenset(("ean", "isbn", "upc", "gtin", "barcode", "strichcode"))

_NAMED = NAMING.union(
    (
        "order",
        "ticket",
        "invoice",
        "parcel",
        "booking",
        "account",
        "bestellung",
        "commande",
        "pedido",
        "ordine",
    )
)
"""Words after which fewer spelled digits are a number."""


def redact_spelled(draft: Draft) -> None:
    """Mark six and more digits spelled out in words: "oh seven nine one two three"."""
    if len(DIGIT_WORDS & draft.words) >= 2:
        draft.mark(_spelled(draft))


def _spelled(draft: Draft) -> Iterator[Span]:
    run: list[tuple[int, int]] = []
    for found in islice(_TOKEN.finditer(draft.lower), MAX_TOKENS):
        digit = found[0] in DIGIT_WORDS or found[0].isdecimal()
        if run and (not digit or found.start() - run[-1][1] > 3):
            yield from _spelled_run(draft, run)
            run = []
        if digit:
            run.append(found.span())
    yield from _spelled_run(draft, run)


def _spelled_run(draft: Draft, run: list[tuple[int, int]]) -> Iterator[Span]:
    named = not run or not _NAMED.isdisjoint(
        _WORD.findall(draft.lower[max(0, run[0][0] - _NEAR) : run[0][0]])[-2:]
    )
    if (
        len(run) >= (_SPELLED if named else LONG)
        and not draft.text[run[0][0] : run[-1][1]].replace(" ", "").isdecimal()
    ):
        yield run[0][0], run[-1][1], PHONE if says_phone(draft.text, run[0][0]) else NUMBER


def redact_numbers(draft: Draft) -> None:
    """Mark card numbers (Luhn), phone numbers and other long numbers anywhere in the text."""
    draft.mark(_separated_cards(draft.text))
    draft.mark(_between(draft.text, 0, len(draft.text)))


def redact_coarsely(draft: Draft) -> None:
    """Mark every number of a text that is mostly numbers."""
    draft.mark((*found.span(), NUMBER) for found in _ANY_RUN.finditer(draft.text))


def says_phone(text: str, position: int) -> bool:
    """Whether the words before a position indicate a phone number."""
    return not PHONE_HINTS.isdisjoint(_WORD.findall(text[max(0, position - _FAR) : position].lower())[-7:])


def _separated_cards(text: str) -> Iterator[Span]:
    for found in _SEPARATED_CARD.finditer(text):
        groups = list(DIGITS.finditer(text, *found.span()))
        if not _round_or_year(groups) and _find_card(groups) == found.span():
            yield *found.span(), CARD


def _between(text: str, start: int, end: int) -> Iterator[Span]:
    for found in _CANDIDATE.finditer(text, start, end):
        digits = sum(map(str.isdecimal, found[0]))
        if digits < _CARD_LENGTH and digits >= SHORT and _is_a_thing(text, *found.span()):
            continue
        if digits >= LONG or (digits >= SHORT and _follows_hash(found)):
            yield from _candidate(found)


def _candidate(found: re.Match[str]) -> Iterator[Span]:
    """Find what is personal in a run of digits or a code; not dates, prices and versions inside it."""
    text, (start, end) = found.string, found.span()
    if STANDARD.match(text, start):
        return
    if _follows_hash(found):
        if not _COLOUR.match(text, start):
            yield start, end, NUMBER
        return
    kept = PROTECTED.finditer(text, max(0, start - _MARGIN), min(len(text), end + _MARGIN))
    inside = [span for span in (found.span() for found in kept) if span[1] > start and span[0] < end]
    if inside:
        for left, right in inside:
            yield from _between(text, start, max(start, left))
            start = min(end, right)
        yield from _between(text, start, end)
    elif found["code"]:
        yield start, end - (len(found["code"]) - len(found["code"].rstrip("-_"))), NUMBER
    else:
        yield from _run(text, start, end, says_phone(text, start) or bool(_PHONE_AFTER.match(text, end)))


def _is_a_thing(text: str, start: int, end: int) -> bool:
    """Whether the words around say that a number is of a thing: an article, an error, a colour, a file."""
    words = _WORD.findall(text[max(0, start - _FAR) : start].lower())
    before = words[-2:]
    return (
        (not _BARCODES.isdisjoint(words) and _is_barcode(text[start:end]))
        or not NO_NUMBERS.isdisjoint(before[-1:] if before[-1:] and before[-1] not in NAMING else before)
        or bool(_FILE.match(text, end))
    )


def _is_barcode(number: str) -> bool:
    """Whether the last digit is the check digit of the others (GS1: EAN, UPC, ISBN of 13 digits)."""
    digits = [int(character) for character in reversed(number) if character.isdecimal()]
    return len(digits) in (8, 12, 13, 14) and (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


def _follows_hash(found: re.Match[str]) -> bool:
    return found.start() > 0 and found.string[found.start() - 1] == "#"


def _run(text: str, start: int, end: int, hinted: bool) -> Iterator[Span]:
    """Classify a run of digits.

    Args:
        text: the whole text.
        start: start of the run, with a leading plus or parenthesis.
        end: end of the run.
        hinted: whether the preceding words indicate a phone number.
    """
    groups = list(DIGITS.finditer(text, start, end))
    sizes = [len(group[0]) for group in groups]
    if sum(sizes) < LONG:
        return
    if max(sizes) == 1 and len(sizes) >= _DICTATED and not _counts(groups):
        yield start, end, PHONE if hinted else NUMBER
        return
    international = text.startswith(("+", "(+"), start)
    if not international and (card := _find_card(groups)):
        yield from _run(text, start, card[0], hinted)
        yield *card, CARD
        yield from _run(text, card[1], end, False)
    elif _is_phone(text[start:end], groups, sizes, hinted):
        yield start, end, PHONE
    elif (
        _is_one_number(text[start:end], sizes)
        or (sum(sizes) > 15)
        or (_is_id(sizes) and not _round_or_year(groups))
    ):
        yield start, end, NUMBER
    else:
        yield from ((*group.span(), NUMBER) for group in groups if len(group[0]) >= LONG)


def _counts(groups: list[re.Match[str]]) -> bool:
    """Whether single digits count up or down: "1 2 3 4 5 6 7 8"."""
    steps = {int(right[0]) - int(left[0]) for left, right in pairwise(groups)}
    return steps in ({1}, {-1}, {0})


def _is_one_number(run: str, sizes: list[int]) -> bool:
    """Whether a long group has others attached without a space: "606912-8319"."""
    return max(sizes) >= LONG and not any(map(str.isspace, run))


def _is_id(sizes: list[int]) -> bool:
    """Whether ids and accounts are written in groups of these sizes."""
    return sizes in ([3, 2, 4], [4, 4])


def _is_phone(run: str, groups: list[re.Match[str]], sizes: list[int], hinted: bool) -> bool:
    digits, trunk = sum(sizes), groups[0][0].startswith("0")
    if not 7 <= digits <= 15:
        return False
    if run.startswith(("+", "(+")):
        return digits >= 8
    if hinted:
        return True
    if len(groups) == 1:
        return trunk and 9 <= digits <= 14
    if run.startswith("(") and sizes == [3, 3, 4]:
        return True  # (200) 200-0000: a phone number even if its groups are round
    only_pairs = max(sizes) <= 2 and len(sizes) < 5
    if digits < 8 or sizes == [3, 2, 4] or only_pairs or _round_or_year(groups):
        return False
    return trunk or sizes == [5, 5] or (len(groups) > 2 and 1 not in sizes[1:])


def _round_or_year(groups: list[re.Match[str]]) -> bool:
    """Whether all groups are round amounts or years: "1000-1500", "2019-2023", "100 200 300"."""
    return all(group[0].endswith("00") or _YEAR.match(group[0]) for group in groups)


def _find_card(groups: list[re.Match[str]]) -> tuple[int, int] | None:
    """Return start and end of the first card number formed by adjacent groups; None: no card."""
    for first, start in enumerate(groups):
        digits = ""
        for group in groups[first:] if start[0][0] in _CARD_STARTS else ():
            digits += group[0]
            if len(digits) > 19:
                break
            if len(digits) >= 13 and luhn(digits):
                return start.start(), group.end()
    return None


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    doubled = (_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(doubled)) % 10 == 0
