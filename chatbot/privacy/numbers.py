"""PII redaction of identifying numbers: cards, phones, orders. Keeps prices, dates, years and times.

Two passes. `redact_references` replaces numbers that the text names ("order no. 48213"). `redact_numbers` then
replaces all other long runs of digits, including separators (spaces, dots, dashes), and classifies each by its
shape and by the words before it.
"""

from __future__ import annotations

import re

CARD, PHONE, NUMBER = "<CARD>", "<PHONE>", "<NUMBER>"
LONG = 6
"""Minimum number of digits that is redacted without a name."""
SHORT = 3
"""Minimum number of digits that is redacted after a #."""

_NEAR, _FAR = 32, 48
"""Characters before a number that are searched: for what it identifies, and for a phone hint."""
_DASH = r"\-\u2010-\u2015"
_DIGITS = re.compile(r"\d+")
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_CURRENCY = r"""(?: [$€£¥₹%] | (?:
    usd|eur|euros?|gbp|dollars?|pounds?|bucks|chf|francs?|cents?|inr|rupees?|yen|pln|kr|points?|miles|people
    )\b )"""
_PROTECTED = re.compile(
    rf"""(?<![\d.,]) (?<!\d[ /{_DASH}]) (?:
        {_DAY} (?P<sep>[./\-]) {_DAY} (?P=sep) (?:19|20)?\d\d (?![./\-]?\d)
      | {_DAY} [ ] (?:0?[1-9]|1[0-2]) [ ] (?:19|20)\d\d (?![ ]?\d)
      | (?:19|20)\d\d (?P<dot>[./\- ]) (?:0?[1-9]|1[0-2]) (?P=dot) {_DAY} (?![./\-]?\d)
      | \d{{1,2}} : \d\d (?: :\d\d (?:[.,]\d{{1,6}})? )? (?![\d:])
      | \d{{1,3}} (?:[ .,']\d{{3}}){{1,4}} (?:[.,]\d\d)? (?=[ ]?{_CURRENCY})
      | \d{{1,12}} (?:[.,]\d\d?)? (?=[ ]?{_CURRENCY})
      | \d{{3,5}} [x×] \d{{3,5}} (?!\w)
    )
    | (?: [$€£¥₹] | (?<!\w)(?:usd|eur|gbp|chf|inr|rs\.?) ) [ ]?
      \d{{1,12}}(?!\d) (?:[.,']\d{{3}}(?!\d))* (?:[.,]\d\d?(?!\d))?
    | (?<!\w) (?:v|version|build|ios|android|windows|macos|firmware)\.?[ ]?
      \d{{1,6}} (?:\.\d{{1,6}}){{1,4}} (?!\w)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Dates, times, prices, screen sizes, versions: digits that are not PII."""
_MARGIN = 12

_CANDIDATE = re.compile(
    rf"""(?<!\w) (?:
        (?P<run> (?:\(?\+[ ]?|\()? \d++ (?!\w)
                 (?: (?:[ ]?[{_DASH}][ ]?|[./ ]|[ ]?[()]{{1,2}}[ {_DASH}]?) \d++ (?!\w) ){{0,11}} )
      | (?P<code> (?=[^\W\d]{{0,24}}[\-_]?\d) \w [\w\-]*+ )
    )""",
    re.VERBOSE,
)
_CARD_STARTS = "23456"
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_YEAR = re.compile(r"(?:19|20)\d\d\Z")
_PHONE_HINT = re.compile(
    r"\b(?:(?:tele)?phone|call|tel|cell|mobile|mob|whats ?app|fax|dial|text|sms|reach|ring|contact|my number)"
    r"\b\W+(?:\w+\W+){0,6}\Z"
)

_KINDS = {
    "<ORDER>": "order orders ord oorder ordr oder orer oredr purchase purchases puchase pucrhase purcahse",
    "<ACCOUNT>": "account accounts acct acc a/c customer client member membership user policy contract",
    "<INVOICE>": "invoice invoices inv bill bills receipt receipts",
    NUMBER: """tracking parcel package shipment consignment ticket case ref reference booking reservation
        confirmation transaction return rma claim serial passport license licence ssn security tax vat routing
        label number numbers nr""",
}
_MARK_OF = {word: mark for mark, words in _KINDS.items() for word in words.split()}
_NAMING = frozenset(
    {"#", "number", "numbers", "num", "nbr", "no", "nr", "id", "ids", "code", "ref", "reference", "nº", "n°"}
)
_SAYING = frozenset(("is", "was"))
_LINKS = _NAMING | _SAYING | frozenset(":=.-\u2010\u2011\u2013\u2014") | {"card"}
_TOKEN = re.compile(r"n[º°]|[^\W\d_]+(?:/[^\W\d_]+)?|\S")
_FROM_DIGIT = re.compile(r"\d[\w/\-]*+")
_FOUR_DIGITS = re.compile(r"\d{4}")
_GLUED = re.compile(r"([^\W\d_]+)-?(?=\d)")
_LISTING = re.compile(r"(?:,[ ]?(?:(?:and|or)[ ])?|[ ](?:and|or|&)[ ])#?")
_NAMED_AFTER = re.compile(r"[ ](?:is|was)[ ](?:my|the|our|your)[ ]([^\W\d_]+)(?:[ ]([^\W\d_]+))?")
_ENDS = re.compile(r"\s*(?:[.,;!?)]|\Z)")


def redact_references(text: str) -> str:
    """Redact numbers that an adjacent word names: <ORDER>, <ACCOUNT>, <INVOICE>, and <NUMBER> for other kinds."""
    pieces: list[str] = []
    done, mark = 0, ""
    for found in _FROM_DIGIT.finditer(text):
        start, end = _identifier_start(text, found.start()), found.end() - _trailing_dashes(found[0])
        if end - start < 2:
            continue
        listed = mark and _LISTING.fullmatch(text, done, start) and _FOUR_DIGITS.match(found[0])
        # A number directly after another continues it: the second half of a phone number, not an order.
        if not listed or text[end : end + 2].strip(" -")[:1].isdigit():
            start, mark = _named(text, max(start, done), end)
        if mark:
            pieces += (text[done:start], mark)
            done = end
    return "".join(pieces) + text[done:]


def redact_numbers(text: str) -> str:
    """Redact card numbers (Luhn), phone numbers and other long numbers anywhere in the text."""
    return _numbers_between(text, 0, len(text))


def _identifier_start(text: str, position: int) -> int:
    """Return the start of the identifier whose first digit is at `position`: "AB-12/9" in "(AB-12/9)"."""
    start = position
    while start > 0 and position - start < 16 and (text[start - 1].isalnum() or text[start - 1] in "-/_"):
        start -= 1
    while text[start] in "-/_":
        start += 1
    return start


def _trailing_dashes(identifier: str) -> int:
    return len(identifier) - len(identifier.rstrip("-/_"))


def _named(text: str, start: int, end: int) -> tuple[int, str]:
    """Return the start of the named number in the identifier, and its mark; empty mark: no word names it."""
    identifier = text[start:end]
    if sum(map(str.isdecimal, identifier)) < 2:
        return start, ""
    links, mark = _words_before(text, start)
    if mark and _is_reference(text, start, end, mark, links):
        return start, mark
    if (glued := _GLUED.match(identifier)) and (mark := _MARK_OF.get(glued[1].lower(), "")):
        number = start + glued.end()
        return (number, mark) if _is_reference(text, number, end, mark, []) else (start, "")
    if (after := _NAMED_AFTER.match(text, end)) and len(identifier) >= SHORT:
        return start, _MARK_OF.get(after[1].lower()) or _MARK_OF.get((after[2] or "").lower(), "")
    return start, ""


def _words_before(text: str, start: int) -> tuple[list[str], str]:
    """Return the link words before a number ("no", "is", ":") and the mark of the noun before them; "" if none."""
    before = text[max(0, start - _NEAR) : start].lower()
    if before.rstrip(" ")[-1:].isdigit():
        return [], ""
    tokens = _TOKEN.findall(before)
    links: list[str] = []
    while tokens and tokens[-1] in _LINKS and len(links) < 6:
        links.append(tokens.pop())
    if tokens and tokens[-1] in _MARK_OF:
        return links, _MARK_OF[tokens[-1]]
    # "number 2291": the link word itself names the number, unless it is a phone number.
    mark = next((_MARK_OF[link] for link in links if link in _MARK_OF), "")
    return links, "" if mark and _says_phone(text, start) else mark


def _is_reference(text: str, start: int, end: int, mark: str, links: list[str]) -> bool:
    """Whether this is an identifier, not a price, a date, an amount or a quantity."""
    if _PROTECTED.match(text, start):
        return False
    runs = [len(run) for run in _DIGITS.findall(text, start, end)]
    if not _NAMING.isdisjoint(links):
        return sum(runs) >= 2
    longest, said = max(runs), not _SAYING.isdisjoint(links)
    if any(character.isalpha() for character in text[start:end]):
        return longest >= SHORT
    if longest == SHORT and not said:
        return bool(_ENDS.match(text, end))
    # "my bill is 1200": more likely an amount than an invoice number.
    return longest >= (4 if not said else LONG if mark == "<INVOICE>" else 5)


def _numbers_between(text: str, start: int, end: int) -> str:
    pieces: list[str] = []
    done = start
    for found in _CANDIDATE.finditer(text, start, end):
        digits = sum(map(str.isdecimal, found[0]))
        if digits >= LONG or (digits >= SHORT and _follows_hash(found)):
            pieces += (text[done : found.start()], _candidate(found))
            done = found.end()
    return "".join(pieces) + text[done:end]


def _candidate(found: re.Match[str]) -> str:
    """Return the redacted form of a run of digits or a code; keeps dates, prices and versions inside it."""
    text, start, end = found.string, found.start(), found.end()
    if _follows_hash(found):
        return NUMBER
    pieces: list[str] = []
    for kept in _PROTECTED.finditer(text, max(0, start - _MARGIN), min(len(text), end + _MARGIN)):
        if kept.end() > start and kept.start() < end:
            left = max(start, kept.start())
            pieces += (_numbers_between(text, start, left), text[left : min(end, kept.end())])
            start = min(end, kept.end())
    if pieces:
        return "".join(pieces) + _numbers_between(text, start, end)
    if found["code"]:
        return NUMBER + text[end - _trailing_dashes(found["code"]) : end]
    return _run(found["run"], _says_phone(text, start))


def _follows_hash(found: re.Match[str]) -> bool:
    return found.start() > 0 and found.string[found.start() - 1] == "#"


def _says_phone(text: str, position: int) -> bool:
    """Whether the preceding words indicate a phone number."""
    return bool(_PHONE_HINT.search(text[max(0, position - _FAR) : position].lower()))


def _run(run: str, hinted: bool) -> str:
    """Classify a run of digits and return its redacted form, or the run unchanged.

    Args:
        run: digits with their separators, including a leading plus or parenthesis.
        hinted: whether the preceding words indicate a phone number.
    """
    groups = list(_DIGITS.finditer(run))
    sizes = [len(group[0]) for group in groups]
    if sum(sizes) < LONG:
        return run
    if not run.startswith(("+", "(+")) and (card := _find_card(groups)):
        left, right = run[: card[0]], run[card[1] :]
        return _run(left, hinted) + CARD + _run(right, False)
    if _is_phone(run, groups, sizes, hinted):
        return PHONE
    whole = sum(sizes) > 15 or (sizes in ([3, 2, 4], [4, 4]) and not _round_or_year(groups))
    return NUMBER if whole else _DIGITS.sub(lambda group: NUMBER if len(group[0]) >= LONG else group[0], run)


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
