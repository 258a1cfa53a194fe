"""Detect the code page of a text by the alphabets of the languages that use it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WESTERN = (
    "äöüß", "àâæçéèêëîïôœùûüÿ", "áéíóúüñ", "áàâãçéêíóôõúü", "àèéìíîòóùú", "åäöéæø", "éëïöüèá", "àçèéíïòóúü",
)  # fmt: skip
"""German, French, Spanish, Portuguese, Italian, Nordic, Dutch, Catalan."""
_CENTRAL = (
    "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "ąćęłńóśźż", "áéíóöőúüű", "ăâîşţ", "čćđšž", "äöüß",
)  # fmt: skip
"""Czech, Slovak, Polish, Hungarian, Romanian, Croatian and Slovenian, German."""
_TURKISH = ("çğıöşüâîûi̇",)
_BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž")
_ICELANDIC = ("áðéíóúýþæö",)
_CYRILLIC = (  # Russian, Ukrainian, Serbian
    "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "абвгдежзијклљмнњопрстћуфхцчџшђ",
)
_GREEK = ("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ",)

CANDIDATES = (
    ("cp1252", _WESTERN),
    ("cp1254", _TURKISH),
    ("cp1250", _CENTRAL),
    ("cp1257", _BALTIC),
    ("cp1252", _ICELANDIC),
    ("mac_roman", _WESTERN),
    ("cp850", _WESTERN),
    ("cp1251", _CYRILLIC),
    ("koi8_r", _CYRILLIC),
    ("cp1253", _GREEK),
)
"""Code pages with the letters of their languages beyond ASCII; of equals the first is taken."""
_MARKS = {_CYRILLIC: ("аеиоуыэюяёіїє", 0.3), _GREEK: ("άέήίόύώ", 0.05)}
"""Vowels, and for Greek accents, with their least share of letters: in Hebrew bytes they are rarer."""
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
    for page, alphabets in CANDIDATES:
        try:
            decoded = [text.decode(page) for text in texts]
        except UnicodeDecodeError:
            continue
        found = [_LETTER.findall(text.lower()) for text in decoded]
        letters = [letter for row in found for letter in row]
        marks, share = _MARKS.get(alphabets, ("", 0.0))
        if sum(letter in marks for letter in letters) < share * len(letters):
            continue
        inside = _INSIDE.findall("\n".join(decoded))
        if sum(letter.isupper() for letter in inside) > _MOST_CAPITALS * len(inside):
            continue
        cost = sum(_cost(text, row, alphabets) for text, row in zip(decoded, found, strict=True))
        if cost <= _LARGEST_COST * max(1, len(letters)) and (best is None or cost < best[0]):
            best = cost, page
    return best[1] if best else None


def _cost(text: str, letters: list[str], alphabets: tuple[str, ...]) -> float:
    foreign: int = min(sum(letter not in alphabet for letter in letters) for alphabet in alphabets)
    capitals: int = sum(letter.isupper() for letter in _INSIDE.findall(text))
    cost = _SHOUTED_COST if text.isupper() else _CAPITAL_COST
    return foreign + len(_SYMBOL.findall(text)) + len(_SIGMA.findall(text)) + cost * capitals
