"""PII redaction of numbers that an adjacent word names: "order no. 48213", "Kundennummer 5512", "48213 is my order"."""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations

from collections.abc import Iterator

from chatbot.privacy.draft import Draft, Pattern, Span, typos
from chatbot.privacy.numbers import DIGITS, LONG, PROTECTED, SHORT, STANDARD, luhn, says_phone
from chatbot.privacy.phrases import (
    ABOUT_WORDS,
    MOVING_WORDS,
    NAMING,
    NO_NUMBERS,
    NUMBER_KINDS,
    PHONE_HINTS,
    SAYING,
)

_NEAR = 32
_SHORT_CODE = 4
"""Characters before a number that are searched for what it identifies."""
_MARK_OF = {word: mark for mark, words in NUMBER_KINDS.items() for word in words}
_MARK_OF |= {
    typo: _MARK_OF[word]
    for typo, word in typos(
        _MARK_OF, NO_NUMBERS | NAMING | PHONE_HINTS | _MARK_OF.keys() | {"contacts", "protocol", "boeing"}
    ).items()
}
_LINKS = NAMING | SAYING | frozenset(":=.-(") | {
    "card", "my", "the", "de", "di", "on", "file", "should", "be", "der", "die", "zu", "le", "la", "el",
    "il", "email", "letter",
}  # fmt: skip
_WITH = frozenset(
    ("mit", "with", "met", "con", "avec", "com", "med", "has", "hat", "heeft", "a", "tem", "tiene", "ha")
)
"""Words between a noun and the word for its number: "Bestellung mit der Nummer 5512"."""
_COMPOUNDS = ("nummer", "nr", "buchungscode", "boekingscode")
"""Ends of German, Dutch and Scandinavian nouns that name a number: "Vorgangsnummer", "Kundennr."."""
_THINGS = ("artikel", "haus", "seiten", "modell", "model", "chargen", "produkt", "product", "teile", "material", "zimmer", "fehler", "fout", "huis", "pagina", "vare", "los", "typen")  # fmt: skip
_REFERENCES = frozenset(("id", "ids", "ref", "reference"))
_ACRONYMS = frozenset(("ein", "sin", "nie", "pan", "nit", "rut", "run", "nip", "hid", "cap"))
"""Names of ids that are words in lower case: German "ein", Spanish "sin"."""
_TOKEN = Pattern(r"n\.?[º°]|[^\W\d_]+(?:/[^\W\d_]+)?|\S", 0)
_FROM_DIGIT = Pattern(r"\d[\w/\-]*+", 0)
_MORE = Pattern(
    r"(?:\.\d{2,4}){2,4}(?:/\d{4})?(?:-(?:\d\d?|\d{3}[.-]\d\d|[kK]))?(?![\w.])|(?:[ ./-](?:\d{3,8}|\d{2}(?=[ ]\d\d))(?![\w.,]))+(?:[ ]\d\d(?!\w)|[ ][A-Z][ ]\d{3}(?!\w))?",
    0,
)
_FOUR_DIGITS = Pattern(r"\d{4}", 0)
_YEAR = Pattern(r"20[12]\d", 0)
_PREFIX = Pattern(r"(?<![\w'-])[A-Z]{1,3}[ ]\Z", 0)
_ALONE = Pattern(r"\W*+(?P<code>(?=[\w/-]*\d[\w/-]?\d[\w/-]?\d)(?=[\d/-]*[A-Z])[A-Z\d][A-Z\d/-]{5,24})\W*", 0)
_LONGEST_ALONE, _SIX_APART = 40, 11
"""Characters of a message that may be a code alone, and of six digits with spaces between them."""
_GLUED = Pattern(r"([^\W\d_]+)-?(?=\d)", 0)
_LISTING = Pattern(r"(?:,[ ]?(?:(?:and|or)[ ])?|[ ](?:and|or|&|und|et|y|e)[ ])#?", 0)
_NAMED_AFTER = Pattern(
    r"(?:,|[ ](?:is|was|ist|est|es|è|é))[ ](?:my|the|our|your|meine?|mon|ma|mi|(?:il[ ]|la[ ])?mi[oa]|(?:o[ ]|a[ ])?(?:meu|minha))[ ]([^\W\d_]+)(?:[ ]([^\W\d_]+))?",
    0,
)
_ENDS_IN = Pattern(r"end(?:s|ing)[ ](?:in|with)[ ]", 0)
_ENDS = Pattern(r"\s*(?:[.,;!?)]|\Z)", 0)


_GROUPS_BEFORE = Pattern(r"(?<![\w.,-])(?:\d{1,6}[ -]){1,4}\Z", 0)
_SORT_CODE = Pattern(r"sort[ ]?codes?:?[ ](?:is[ ]|=[ ])?(?P<code>\d\d[- ]?\d\d[- ]?\d\d)(?!\w)")
_SORT = frozenset(("sort", "sortcode"))
_STATUS = Pattern(
    r"(?:status[ ]of|where[ ]is|where's|wo[ ]ist|où[ ](?:en[ ])?est|dónde[ ]está|dov'è|onde[ ]está|track|cancel)[ ](?P<code>(?-i:(?=[A-Z\d-]*[A-Z])(?=[A-Z\d]*\d{4}|[A-Z\d]+-[A-Z\d-]*\d)[A-Z\d]{2,}(?:-[A-Z\d]+)*))(?![\w-])"
)
_STATUS_WORDS = frozenset(
    ("status", "where", "where's", "wo", "où", "dónde", "dov'è", "onde", "track", "cancel")
)
# Without an assertion at the beginning, the engine skips other characters; so does `_APART`.
_CODE = Pattern(
    r"[A-Z](?<![\w-][A-Z])(?!(?:(?<=I)SO|(?<=D)IN|(?<=E)N|(?<=R)FC|(?<=K)B|(?<=C)VE|(?<=H)TTP|(?<=S)KU)-?\d)[A-Z]{0,3}(?:-\d{3,}|/?\d{4,}|-(?=[A-Z\d-]*\d{3})[A-Z\d]{2,8}(?=-))(?:-[A-Z\d]+)*(?![\w-])",
    0,
)
_ARTICLES = frozenset((
    "the", "my", "a", "an", "this", "that", "your", "new", "mein", "meine", "der", "die", "das", "mon",
    "ma", "mi", "mio", "mia", "meu", "minha", "model",
))  # fmt: skip
_LONG_CODE = 7
"""Characters from which a code is an identifier also where no word says so."""
_APART = Pattern(
    r"\d(?:(?<![\w.,+-]\d)(?<!\d[ ]\d)(?:[ ]\d){3,7}(?![ ]?[\d.,]|\w)|(?<![\w.,+/-]\d)\d{4,9}(?:,[ ]|[ ](?:and|und|et|y|e|&)[ ])\d{5,10}(?=\s*(?:[.,;:!?)]\s|\Z|[.,;:!?)]\Z)|[ ](?:are|were|came|have|arrived|but|please|not)\b))",
    0,
)
"""Digits that are typed one by one, and two long numbers in a list."""
_ORDERED = NUMBER_KINDS["<ORDER>"] | {
    "ordered", "bestellt", "commandé", "pedí", "ordinato", "pedi", "besteld",
}  # fmt: skip
_NUMBER_NOUNS = frozenset(("number", "numbers", "numéro", "numero", "número", "nummer", "numer"))
_NUMBER_ALONE = Pattern(r"(?:\d{5,6}|[A-Z]{1,5}-?\d{4,12})(?![\w.,/-]|[ ]\d)", 0)
_ABOUT = Pattern(
    r"(?:(?:\A|[.!?]\s)(?:re|about|betr\.?|betreff|asunto|oggetto|assunto)\s?:?|es[ ]geht[ ]um|(?:cancel|storniere|annulez|cancela|annulla|cancele)|which[ ]order\?|ending[ ]in|(?:\A|[.!?]\s)(?:c'est|es|è|é|das[ ]ist)[ ](?:la|le|el|il|o|a|die))[ ](?P<code>(?!(?:19|20)\d\d(?!\d))\d{4,10})(?=\s*(?:[.,:;!?)]|\Z))"
)
"""A message about a number alone: "cancel 48291", "re: 48291"."""
_CARD = Pattern(r"(?:\d{4}[ -]?){3}\d{1,7}", 0)


_RESERVED = Pattern(
    r"(?:pnr|booking|reservation|confirmation|locator|buchungscode|buchung|reservierung|r[ée]servation|reserva|prenotazione|boeking|rezerwacja|bokning)(?:[ ](?:code|ref(?:erence)?|number|no\.?))?[ ]?(?:(?:is|:|\#)[ ]?)?(?P<code>(?-i:(?=[A-Z]*\d)[A-Z\d]{5,8}))(?!\w)"
)
"""A code of a booking, which may have one digit: "PNR QWE4RT"."""
RESERVING = frozenset((
    "pnr", "booking", "reservation", "confirmation", "locator", "buchungscode", "buchung", "reservierung",
    "réservation", "reserva", "prenotazione", "boeking", "rezerwacja", "bokning",
))  # fmt: skip
"""Words before such a code."""


_PLATE_WORDS = frozenset((
    "plate", "kennzeichen", "nummernschild", "immatriculation", "matrícula", "matricula", "targa", "kenteken",
))  # fmt: skip
_PLATE = Pattern(
    rf"(?:{'|'.join(sorted(_PLATE_WORDS))})(?:[ ](?:number|no\.?|nummer))?(?:[ ]?:|[ ](?:is|ist|est|es|è|é))?[ ](?P<plate>(?-i:[A-Z]{{1,3}}[- ]?[A-Z]{{0,2}}[- ]?\d{{1,4}}(?:[- ]?[A-Z]{{1,3}})?|\d{{1,3}}-[A-Z]{{2,3}}-\d{{1,2}}))(?!\w)"
)
"""A vehicle's plate: "plate YK19 TDR", "Kennzeichen NMB-RO 418"."""


def redact_references(draft: Draft) -> None:
    """Mark numbers by the noun that names them: <ORDER>, <ACCOUNT>, <INVOICE>, and <NUMBER> for other nouns."""
    if not _SORT.isdisjoint(draft.words):
        draft.mark((*found.span("code"), "<NUMBER>") for found in _SORT_CODE.finditer(draft.text))
    if not _STATUS_WORDS.isdisjoint(draft.words):
        draft.mark((*found.span("code"), "<ORDER>") for found in _STATUS.finditer(draft.text))
    if not ABOUT_WORDS.isdisjoint(draft.words) and _FOUR_DIGITS.search(draft.text):
        draft.mark((*found.span("code"), "<ORDER>") for found in _ABOUT.finditer(draft.text))
    if not _PLATE_WORDS.isdisjoint(draft.words):
        draft.mark((*found.span("plate"), "<NUMBER>") for found in _PLATE.finditer(draft.text))
    if not RESERVING.isdisjoint(draft.words):
        draft.mark((*found.span("code"), "<NUMBER>") for found in _RESERVED.finditer(draft.text))
    draft.mark(_references(draft.text))
    if (
        len(draft.text) < _LONGEST_ALONE
        and (alone := _ALONE.fullmatch(draft.text))
        and not STANDARD.match(draft.text, alone.start("code"))
    ):
        draft.mark([(*alone.span("code"), "<NUMBER>")])
    ordered = not _ORDERED.isdisjoint(draft.words)
    moving = ordered or not MOVING_WORDS.isdisjoint(draft.words)
    draft.mark(
        (*found.span(), "<ORDER>" if moving else "<NUMBER>")
        for found in _CODE.finditer(draft.text)
        if (moving or len(found[0]) >= _LONG_CODE)
        and not STANDARD.match(draft.text, found.start())
        and _may_be_ordered(
            draft.text[max(0, found.start() - _NEAR) : found.start()].split()[-2:],
            ordered or sum(map(str.isdecimal, found[0])) >= _LONG_CODE,
        )
    )
    draft.mark(_apart(draft.text))


def _apart(text: str) -> Iterator[Span]:
    """Find "4 4 1 2 0 7", fewer digits after a noun, and "55120, 55121"."""
    for found in _APART.finditer(text):
        few = len(found[0]) < _SIX_APART and "," not in found[0]
        mark = _words_before(text, found.start())[1] if few else "<NUMBER>"
        if mark:
            yield *found.span(), mark


def _may_be_ordered(before: list[str], sure: bool) -> bool:
    """Whether a code after these words is an order's, not a product's: "the Bosch PSB-18000", "model KX-55120"."""
    if before and not sure and before[-1].lower() in _ARTICLES:
        return False
    return NO_NUMBERS.isdisjoint(map(str.lower, before)) and not (before and before[-1][0].isupper())


def _references(text: str) -> Iterator[Span]:
    done, mark = 0, ""
    for found in _FROM_DIGIT.finditer(text):
        if found.start() < done:
            continue
        start, end = _identifier_start(text, found.start()), found.end() - _trailing_dashes(found[0])
        if end - start < 2 or _is_card(text, start):
            continue
        listed = mark and _LISTING.fullmatch(text, done, start) and _is_like_listed(text, start, end)
        # A number directly after another continues it: the second half of a phone number, not an order.
        if not listed or text[end : end + 2].strip(" -")[:1].isdigit():
            start, mark = _named(text, max(start, done), end)
        if mark:
            done = _with_more(text, start, end)
            yield start, done, mark


def _with_more(text: str, start: int, end: int) -> int:
    """Return the end of a named number of several groups: "routing 021 000 021"."""
    more = _MORE.match(text, end)
    if more and not PROTECTED.match(text, start) and not PROTECTED.match(text, end + 1):
        return more.end()
    return end


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
    if (prefix := _PREFIX.search(text, max(0, start - _SHORT_CODE), start)) and not text.isupper():
        before = _words_before(text, prefix.start())
        if before[1] and _is_reference(text, start, _with_more(text, start, end), before[1], before[0]):
            return prefix.start(), before[1]
    links, mark = _words_before(text, start)
    if mark and _is_reference(text, start, end, mark, links):
        return start, mark
    if (after := _NAMED_AFTER.match(text, end)) and len(identifier) >= SHORT:
        if groups := _GROUPS_BEFORE.search(text, max(0, start - _NEAR), start):
            start = groups.start()
        return start, _MARK_OF.get(after[1].lower()) or _MARK_OF.get((after[2] or "").lower(), "")
    if (glued := _GLUED.match(identifier)) and (mark := _MARK_OF.get(glued[1].lower(), "")):
        number = start + (0 if "-" in glued[0] and glued[1].isupper() else glued.end())
        return (number, mark) if _is_reference(text, number, end, mark, []) else (start, "")
    return start, ""


def _is_like_listed(text: str, start: int, end: int) -> bool:
    """Whether an identifier may continue a list of others: four digits, or letters and digits."""
    identifier = text[start:end]
    return bool(_FOUR_DIGITS.search(identifier)) or (len(identifier) > 5 and identifier[0].isalpha())


def _is_card(text: str, start: int) -> bool:
    """Whether a card number begins here: it belongs to no noun before it ("my bills card 4111 ...")."""
    found = _CARD.match(text, start)
    return found is not None and luhn("".join(filter(str.isdecimal, found[0])))


def _words_before(text: str, start: int) -> tuple[list[str], str]:
    """Return the link words before a number ("no", "is", ":") and the mark of the noun before them; "" if none."""
    before = text[max(0, start - _NEAR) : start].lower()
    if before.rstrip(" ")[-1:].isdigit():
        return [], ""
    tokens = _TOKEN.findall(
        _ENDS_IN.sub("no ", before) if "end" in before and not _YEAR.match(text, start) else before
    )
    links: list[str] = []
    while (
        tokens
        and len(links) < 6
        and (tokens[-1] in _LINKS or (tokens[-1] in _WITH and not NAMING.isdisjoint(links)))
    ):
        links.append(tokens.pop())
    noun = tokens[-1] if tokens else ""
    if noun in NO_NUMBERS or (noun in _ACRONYMS and noun.upper() not in text[max(0, start - _NEAR) : start]):
        return links, ""
    if noun.endswith(_COMPOUNDS) and noun.startswith(_THINGS):
        return links, ""
    if noun.endswith(_COMPOUNDS):
        links.append("number")
        return links, _MARK_OF.get(noun, "<NUMBER>")
    if noun in _MARK_OF:
        return links, _MARK_OF[noun]
    # "number 2291": the link word itself names the number, unless it is a phone number.
    mark = next((_MARK_OF[link] for link in links if link in _MARK_OF), "")
    if _NUMBER_ALONE.match(text, start) and not _NUMBER_NOUNS.isdisjoint(links):
        return links, "<NUMBER>"
    phone = text[start].isdecimal() and _REFERENCES.isdisjoint(links) and says_phone(text, start)
    return links, "" if phone else mark


def _is_reference(text: str, start: int, end: int, mark: str, links: list[str]) -> bool:
    """Whether this is an identifier, not a price, a date, an amount or a quantity."""
    if PROTECTED.match(text, start):
        return False
    runs = [len(run) for run in DIGITS.findall(text, start, end)]
    if len(runs) > 1 and sum(runs) >= LONG:
        return True
    if not NAMING.isdisjoint(links):
        return sum(runs) >= 2
    if _YEAR.fullmatch(text, start, end):
        return False
    longest, said = max(runs), not SAYING.isdisjoint(links)
    if any(character.isalpha() for character in text[start:end]):
        code = end - start > _SHORT_CODE and text[start:end].isupper() and text[start:end].isalnum()
        return longest >= SHORT or code or (sum(runs) > SHORT and text[start:end].isupper())
    if longest == SHORT and not said:
        return bool(_ENDS.match(text, end))
    # "my bill is 1200": more likely an amount than an invoice number.
    return longest >= (4 if not said else LONG if mark == "<INVOICE>" else 5)
