"""Text under redaction: detectors match a normal form of the text, and the marks are placed in the original.

Found spans are masked by a private character of the same length, so that places stay valid and no detector sees them
again: redaction is one pass over the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property

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


_SPACES = {code: " " for code in range(33, 127) if not chr(code).isalnum()}
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
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc", "-"), **dict.fromkeys("\u2018\u2019\u02bc\u00b4`", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'), "\u2024": ".", "\u3002": ".", "\u2044": "/", "\u00b7": ".",
    "\u2022": ".",
}  # fmt: skip


class Draft:
    """A text, its normal form with found spans masked, and the spans."""

    def __init__(self, original: str) -> None:
        self._original = original
        self._places: list[int] | None = None
        self._spans: list[Span] = []
        self.text = original
        if not original.isascii():
            self._normalise()
        self.lower = self.text.lower()
        self.words = set(self.lower.translate(_SPACES).split())
        """Lower-case words, for cheap prefilters."""
        self.hints: frozenset[str] = frozenset()
        """Words that a detector looks for."""
        self.has_digits = not _DIGITS.isdisjoint(self.text)

    def mark(self, spans: Iterable[Span]) -> None:
        """Mask spans of `text`, in ascending order; one that begins within the one before it is ignored."""
        pieces: list[str] = []
        done = 0
        for start, end, mark in spans:
            if start >= done and end > start:
                pieces += (self.text[done:start], MASK * (end - start))
                self._spans.append((start, end, mark))
                done = end
        if done:
            self.text = "".join(pieces) + self.text[done:]

    def redacted(self) -> str:
        """Return the original text with every span replaced by its mark."""
        if not self._spans:
            return self._original
        pieces: list[str] = []
        done = 0
        for start, end, mark in sorted(self._spans, key=lambda span: (span[0], -span[1])):
            if start >= done:
                pieces += (self._original[self._after(done) : self._place(start)], mark)
                done = end
        return "".join(pieces) + self._original[self._after(done) :]

    def _place(self, position: int) -> int:
        """Return where a character of `text` is in the original."""
        return position if self._places is None else self._places[position]

    def _after(self, end: int) -> int:
        return self._place(end - 1) + 1 if end else 0

    def _normalise(self) -> None:
        self.text = self._original.translate(_folds())
        if _INVISIBLE.search(self.text):
            hidden = {found.start() for found in _INVISIBLE.finditer(self.text)}
            self._places = [place for place in range(len(self.text)) if place not in hidden]
            self.text = _INVISIBLE.sub("", self.text)


@cache
def _folds() -> dict[int, str]:
    """Return the table from look-alike characters to plain ones; every value is one character."""
    table = {ord(character): plain for character, plain in _LOOKALIKES.items()}
    for first, end in _FOLDED:
        for code in range(first, end):
            plain = unicodedata.normalize("NFKC", chr(code))
            digit = unicodedata.digit(chr(code), None)
            table.setdefault(code, plain if digit is None else str(digit))
    return {code: plain for code, plain in table.items() if len(plain) == 1}
