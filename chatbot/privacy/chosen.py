"""PII redaction of words that look like a chosen password, anywhere: "fluffy2009", "Tr0ub4dor", "Hamburg!99".

People state a password in more ways than phrases can list, but they choose it in few ways: a word and digits, digits
for letters, a sign within a word. What names of products, files and steps share with that needs a hint beside it.
"""

# ruff: noqa: E501 - patterns

from __future__ import annotations

from collections.abc import Iterator

from chatbot.privacy.draft import MASK, Draft, Pattern, Span
from chatbot.privacy.phrases import (
    CHANGE_WORDS,
    CHOOSING_WORDS,
    KEY_WORDS,
    PASSWORD_WORDS,
    PIN_NOUNS,
    PIN_WORDS,
    PROMOTION_WORDS,
    SECRET_NOUNS,
    TYPING_WORDS,
    USER_WORDS,
    VERSIONED,
)
from chatbot.privacy.words import THINGS

MARK = "<SECRET>"

_SIGNS = frozenset("!#$%&*@_")
_LETTERS = r"A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0370-\u052f\u1e00-\u1fff"
"""Letters of scripts whose words are separated by spaces: of others, words stand beside a password."""
_ALPHABET = rf"\d_{_LETTERS}"
_LETTER, _SIGN = rf"[{_LETTERS}]", r"[!#$%&*@_]"
# Without an assertion or a letter at the beginning, the engine skips the letters of prose.
_CANDIDATE = Pattern(
    rf"[\d!#$%&*@_+.-](?:(?<={_LETTER}\d)|(?<={_LETTER}[!#$%&*@_+.-])\d|(?<={_LETTER}{_SIGN}){_LETTER})", 0
)
_GROUPED = Pattern(r"(?<![\w-])[A-Z\d]{4,6}-[A-Z\d]{4}", 0)
_WORD = Pattern(
    rf"(?<![{_ALPHABET}{MASK}@#/\\.&=+-])(?P<stem>{_LETTER}++)(?>(?:-{_LETTER}++){{0,3}})"
    rf"(?=[!#$%&*@_+.-]?\d|{_SIGN}{_LETTER})[{_ALPHABET}!#$%&*@+^~.-]{{1,40}}+",
    0,
)
_GROUPS = Pattern(r"(?<![\w-])(?=[A-Z\d-]*[A-Z])(?=[A-Z-]*\d)[A-Z\d]{4,6}(?:-[A-Z\d]{4,6}){2,5}(?![\w-])", 0)
"""A key of a product or of a network."""
_LOWER = r"[^\WA-Z\d_]"
_SURE = Pattern(
    rf"{_LETTER}{_LOWER}+[A-Z]{_LOWER}+_?\d\d+|{_LETTER}(?:{_LOWER}{{7,}}\d|{_LOWER}{{4,}}{_SIGN}?\d\d|{_LOWER}{{3}}\d{{4}})\d{{0,4}}"
    rf"|(?=.{{8}}){_LETTER}+[013457]{_LOWER}{{3,}}.*|{_LOWER}{{2,}}\d+[A-Z]?{_LOWER}+[A-Z].*",
    0,
)
"""A lower-case or capitalised word and a number (the shorter the word, the longer the number), and digits for letters."""
_OTHERS = Pattern(r"[A-Z]{1,5}-?\d+|.*(?:\.[a-z]{2,4}|[.@]\w+\.\w+|\d\.\d+|\d(?:[gtm]b|m?l|[cm]m|k?g|hz))", 0)
"""Short words in capitals with a number, files, addresses, versions and sizes."""
_CODE_BEFORE = Pattern(r"(?:code|código|codice)[ ]\Z")
"""What comes before a code of a shop: "use code WELCOME10"."""
_SHORTEST, _FEWEST_CAPITALS = 6, 6
_NEXT = 24
"""Characters after a word that are searched for a thing: "Nokia3310 charger"."""
_CONTEXT = CHOOSING_WORDS.union(
    PASSWORD_WORDS, SECRET_NOUNS, TYPING_WORDS, USER_WORDS, CHANGE_WORDS, KEY_WORDS, PIN_WORDS
)
_NAMES_OF_SECRETS = PASSWORD_WORDS | SECRET_NOUNS
_PIN = Pattern(
    r"(?<![\w.,:/#€$£-])(?<![ ]at[ ])(?:(?!(?:19|20)\d\d\b)\d{4,8}|\d{3}[ ]\d{3})(?![\w%€$£]|[.,:/-]\d|[ ](?:of|pieces|pcs|units|stück|eur|usd|gbp|euros?|dollars?|pounds?)\b)",
    2,
)


def redact_chosen(draft: Draft) -> None:
    """Mark words that look like a password, and numbers like a PIN in a message about one."""
    if not draft.has_digits and _SIGNS.isdisjoint(draft.text):
        return
    shop_code = not PROMOTION_WORDS.isdisjoint(draft.words) and _NAMES_OF_SECRETS.isdisjoint(draft.words)
    if not shop_code and (
        _CANDIDATE.search(draft.text) or ("-" in draft.text and _GROUPED.search(draft.text))
    ):
        draft.mark((*found.span(), MARK) for found in _GROUPS.finditer(draft.text))
        draft.mark(_chosen(draft, not _CONTEXT.isdisjoint(draft.words)))
    if draft.has_digits and not PIN_NOUNS.isdisjoint(draft.words):
        draft.mark((*found.span(), MARK) for found in _PIN.finditer(draft.text))


def _chosen(draft: Draft, hinted: bool) -> Iterator[Span]:
    for found in _WORD.finditer(draft.text):
        word = found[0].rstrip(".-!?*")
        known = found["stem"].lower() in VERSIONED or _OTHERS.fullmatch(word)
        shops = (
            word.isupper()
            and hinted
            and _CODE_BEFORE.search(draft.text, max(0, found.start() - 10), found.start())
        )
        thing = not hinted and not THINGS.isdisjoint(
            draft.lower[found.end() : found.end() + _NEXT].split()[:1]
        )
        if not known and not shops and not thing and (_SURE.fullmatch(word) or (hinted and _is_likely(word))):
            yield found.start(), found.start() + len(word), MARK


def _is_likely(word: str) -> bool:
    """Whether a word is one that a person chose, in a message that is about one."""
    return len(word) >= _SHORTEST and (not word.isupper() or sum(map(str.isalpha, word)) >= _FEWEST_CAPITALS)
