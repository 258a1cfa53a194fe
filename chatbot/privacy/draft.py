"""Text under PII redaction: detectors match a normal form of the text, and the marks are placed in the original.

Found spans are masked by a private character of the same length, so that places stay valid and no detector sees them
again: redaction is one pass over the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from itertools import islice, pairwise

Span = tuple[int, int, str]
"""Start, end and mark of personal data in a text."""

MASK = "\ue000"
"""Stands for found personal data in the text that detectors match: neither a letter, nor a digit, nor white space."""


class Pattern:
    """Regular expression that is compiled when it is first used: importing the package stays cheap."""

    def __init__(self, pattern: str, flags: int = re.VERBOSE | re.IGNORECASE) -> None:
        self._source = pattern, flags

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(*self._source)

    @cached_property
    def search(self) -> Callable[..., re.Match[str] | None]:
        return self._compiled.search

    @cached_property
    def match(self) -> Callable[..., re.Match[str] | None]:
        return self._compiled.match

    @cached_property
    def fullmatch(self) -> Callable[..., re.Match[str] | None]:
        return self._compiled.fullmatch

    @cached_property
    def finditer(self) -> Callable[..., Iterator[re.Match[str]]]:
        return self._compiled.finditer

    @cached_property
    def findall(self) -> Callable[..., list[str]]:
        return self._compiled.findall

    @cached_property
    def sub(self) -> Callable[..., str]:
        return self._compiled.sub


# All of ASCII: a character that is missing in the table costs an exception.
_SPACES = {code: code if chr(code).isalnum() or chr(code) == "'" else 32 for code in range(128)}
_DIGITS = frozenset("0123456789")
_INVISIBLE = Pattern(
    "[\u00ad\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef]",
    0,
)
_FOLDED = (
    (0x00A0, 0x00A1), (0x00B2, 0x00B4), (0x00B9, 0x00BA), (0x0660, 0x066A), (0x06F0, 0x06FA), (0x0966, 0x0970),
    (0x2000, 0x200B), (0x202F, 0x2030), (0x205F, 0x2060), (0x2070, 0x208F), (0x2460, 0x2469), (0x3000, 0x3001),
    (0xFE50, 0xFE6C), (0xFF01, 0xFF5F), (0x1D400, 0x1D800),
)  # fmt: skip
"""Code points whose compatibility form (NFKC) is one plain character: wide, mathematical, raised, other digits."""
_LOOKALIKES = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc", "-"),
    **dict.fromkeys("\u2018\u2019\u02bc\u00b4`", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'), "\u2024": ".", "\u3002": ".", "\u2044": "/", "\u00b7": ".",
    "\u2022": ".", "\u0130": "I", "\u3001": ",", "\u060c": ",", "\u061b": ";", "\u061f": "?", "\u05be": "-",
}  # fmt: skip


MAX_SEAMS = 100
"""Places between scripts that are separated: bounds the time for hostile texts."""
MAX_PLACES = 30
"""Occurrences of a detector's words that are examined: bounds the time for hostile texts."""
_WORD_LENGTH = 24
_LONG_WORD = 7
"""Letters from which a misspelt word is still known."""
_WORD = Pattern(r"[^\W_]++(?>(?:'[^\W_]++)*)", 0)
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Scripts that write a number or a Latin word beside their own words without a space."""
_SEAM = Pattern(f"(?<=[{_UNSPACED}])-?(?=[A-Za-z0-9+])|(?<=[A-Za-z0-9])(?=[{_UNSPACED}])", 0)


class Draft:
    """A text, its normal form with found spans masked, and the spans."""

    def __init__(self, original: str) -> None:
        self._original = original
        self._origins: list[int] | None = None
        self._spans: list[Span] = []  # in the original
        self.text = original
        if not original.isascii():
            self._normalise()
        self.lower = self.text.lower()
        self.has_digits = not _DIGITS.isdisjoint(self.text)
        self.words = set(self.lower.translate(_SPACES).split())
        """The words of the text, in lower case."""
        self.located: dict[str, list[int]] = {}
        """Where the words that `look_for` was asked for begin."""

    def separate_scripts(self) -> bool:
        """Insert a space between Chinese, Japanese, Korean, Thai and the like, and the Latin or digits beside it.

        Detectors take a run of letters and digits for a word, and would miss, or replace, the whole sentence.

        Returns: whether the text changed; `look_for` has to be called again then.
        """
        if self._original.isascii():
            return False
        if not (seams := [found.end() for found in islice(_SEAM.finditer(self.text), MAX_SEAMS)]):
            return False
        origins = self._origins or range(len(self.text))
        pieces: list[str] = []
        placed: list[int] = []
        for start, end in pairwise((0, *seams, len(self.text))):
            pieces += (self.text[start:end], " ")
            placed += (*origins[start:end], origins[end - 1])
        self._origins = placed[:-1]
        self.text = "".join(pieces[:-1])
        self.lower = self.text.lower()
        self.words = set(self.lower.translate(_SPACES).split())
        self.located = {}
        return True

    def look_for(self, forms: dict[str, str], triggers: frozenset[str]) -> None:
        """Locate words if a trigger occurs; `has`, `places` and `matches` know only them.

        Args:
            forms: each form of a word, misspelt ones too, and the word.
            triggers: forms of which one must occur.
        """
        if not triggers.isdisjoint(self.words):
            for found in _WORD.finditer(self.lower):
                if (form := found[0]) in forms:
                    self.located.setdefault(forms[form], []).append(found.start())

    def has(self, hints: frozenset[str]) -> bool:
        """Whether one of these words occurs."""
        return bool(self.located) and not hints.isdisjoint(self.located)

    def places(self, hints: frozenset[str], words_before: int = 0) -> list[int]:
        """Return where these words begin, in ascending order, at most `MAX_PLACES`, and so many words before each."""
        at = sorted(
            place for hint, all_of in self.located.items() if hint in hints for place in all_of[:MAX_PLACES]
        )
        del at[MAX_PLACES:]
        if not words_before:
            return at
        starts = set(at)
        for place in at:
            for _ in range(words_before):
                earliest = max(0, place - _WORD_LENGTH)
                space = self.lower.rfind(" ", earliest, max(0, place - 1))
                if space < 0 and earliest > 0:
                    break
                place = space + 1
                starts.add(place)
        return sorted(starts)

    def matches(
        self, pattern: Pattern, hints: frozenset[str], words_before: int = 0
    ) -> Iterator[re.Match[str]]:
        """Yield the matches of a pattern that begin at one of these words, or so many words before it."""
        done = 0
        text = self.text
        for place in self.places(hints, words_before):
            if place >= done and (found := pattern.match(text, place)):
                done = found.end()
                yield found

    def mark(self, spans: Iterable[Span]) -> None:
        """Mask spans of `text`, in ascending order; one that begins within the one before it is ignored."""
        pieces: list[str] = []
        done = 0
        for start, end, mark in spans:
            if start >= done and end > start:
                pieces += (self.text[done:start], MASK * (end - start))
                self._spans.append((self._place(start), self._after(end), mark))
                done = end
        if done:
            self.text = "".join(pieces) + self.text[done:]

    def redacted(self, kept: frozenset[str] = frozenset(), delimiters: tuple[str, str] = ("", "")) -> str:
        """Return the original text with every span replaced by its mark; those of the marks in `kept` are delimited."""
        if not self._spans:
            return self._original
        pieces: list[str] = []
        done = 0
        for start, end, mark in sorted(self._spans, key=lambda span: (span[0], -span[1])):
            if start < done:
                continue
            if mark in kept:
                mark = self._original[start:end].join(delimiters)
            pieces += (self._original[done:start], mark)
            done = end
        return "".join(pieces) + self._original[done:]

    def _place(self, position: int) -> int:
        """Return where a character of `text` is in the original."""
        return position if self._origins is None else self._origins[position]

    def _after(self, end: int) -> int:
        return self._place(end - 1) + 1

    def _normalise(self) -> None:
        folds = _folds()
        # All characters of the text: `translate` raises and catches an exception for each that is missing.
        self.text = self._original.translate(
            {ord(character): folds.get(character, character) for character in set(self._original)}
        )
        if _INVISIBLE.search(self.text):
            hidden = {found.start() for found in _INVISIBLE.finditer(self.text)}
            self._origins = [place for place in range(len(self.text)) if place not in hidden]
            self.text = _INVISIBLE.sub("", self.text)


def typos(words: Iterable[str], known: frozenset[str]) -> dict[str, str]:
    """Return misspellings of long words, unless known: a letter left out or doubled, two swapped, no accents.

    Of two words with the same misspelling, the last one in alphabetical order has it, whatever the order of a set.
    """
    found: dict[str, str] = {}
    for word in sorted(words):
        plain = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
        for good in dict.fromkeys((word, plain)) if len(word) >= _LONG_WORD else ():
            inner = range(1, len(good))
            variants = [good, *(good[:i] + good[i + 1 :] for i in inner)]
            variants += [good[:i] + good[i + 1] + good[i] + good[i + 2 :] for i in inner[:-1]]
            variants += [good[:i] + good[i - 1] + good[i:] for i in inner]
            found |= {variant: word for variant in variants if variant not in known}
    return found


@cache
def _folds() -> dict[str, str]:
    """Return the table from look-alike characters to plain ones; every value is one character."""
    table = dict(_LOOKALIKES)
    for first, end in _FOLDED:
        for code in range(first, end):
            plain = unicodedata.normalize("NFKC", chr(code))
            digit = unicodedata.digit(chr(code), None)
            table.setdefault(chr(code), plain if digit is None else str(digit))
    return {character: plain for character, plain in table.items() if len(plain) == 1}
