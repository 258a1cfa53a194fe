"""Find the literals that a regular expression requires: a cheap prefilter, so that the regex runs on few texts.

Works like the literal filters of RE2 and of Rust's regex crate (Cox, 2012, "Regular Expression Matching with a
Trigram Index"), on the syntax tree of Python's own parser.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

# Private API, stable since Python 3.11: a pattern's syntax tree has no public API.
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

Literals = frozenset[str]

_UNBOUNDED = 1_000
_LONGEST_CACHED = 32
BEGINNING = 3
"""The most characters of what `beginnings` returns."""
_NONE: Literals = frozenset()
_REPEATS = {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}


def required(pattern: str) -> Literals:
    """Return lower-case literals of which every case-folded match contains at least one; empty: none known.

    Args:
        pattern: a regular expression that is matched case-insensitively.
    """
    return _of(_parse(pattern))


def width(pattern: str) -> int | None:
    """Return the greatest number of characters that a match has; None: unbounded."""
    most: int = _parse(pattern).getwidth()[1]
    return most if most < _UNBOUNDED else None


def begins_text(pattern: str) -> bool:
    """Whether a match can only begin where the text does: the pattern begins with `^`."""
    parts = list(_parse(pattern))
    return bool(parts) and parts[0] == (op.AT, op.AT_BEGINNING)


def beginnings(pattern: str) -> Literals:
    """Return texts of one to three characters: every case-sensitive match begins with one; empty: none known."""
    found = {text for text, _ in _beginnings_of(_parse(pattern))}
    if "" in found:
        return _NONE
    return frozenset(text for text in found if not any(text[:end] in found for end in range(1, len(text))))


def whole(pattern: str) -> bool:
    """Whether every match begins at the text's start and ends at its end."""
    parts = _parse(pattern)
    return bool(parts[0] == (op.AT, op.AT_BEGINNING) and parts[-1] == (op.AT, op.AT_END))


class LiteralIndex:
    """Finds all literals of many patterns in one pass over a text.

    Of a literal, the longest part without a space is inside one word of a text that contains the literal. One regular
    expression, a trie of the parts, finds the longest part at each place, and what a word brings up is cached.
    """

    def __init__(self, patterns: Iterable[Sequence[str] | None], cached_words: int) -> None:
        """Index the literals of each pattern: of none, a pattern may match any text; None: it matches no text."""
        self._always: set[int] = set()
        self._places: dict[str, set[int]] = defaultdict(set)
        for place, literals in enumerate(patterns):
            if literals is None:
                continue
            for literal in literals or ("",):
                (self._places[literal] if literal.strip() else self._always).add(place)
        by_part: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for literal in self._places:
            part = max(literal.split(), key=len)
            by_part[part].append((literal, literal.index(part)))
        # For each part, the literals whose part it or a beginning of it is, and where that part is in them.
        self._literals = {
            part: [found for end in range(1, len(part) + 1) for found in by_part.get(part[:end], ())]
            for part in by_part
        }
        self._parts = re.compile(f"(?=({_trie(by_part)}))" if by_part else "(?!)")
        self._cached_candidates = lru_cache(cached_words)(self._candidates)

    def located(self, text: str) -> dict[str, list[int]]:
        """Return where each literal is in a text whose only white space is spaces; without those that it lacks."""
        located: dict[str, list[int]] = {}
        start = 0
        for word in text.split(" "):
            candidates = self._cached_candidates if len(word) <= _LONGEST_CACHED else self._candidates
            for literal, offset in candidates(word):
                # Before the text's start, `startswith` counts from the end: too few characters for the literal.
                if text.startswith(literal, start + offset):
                    located.setdefault(literal, []).append(start + offset)
            start += len(word) + 1
        return located

    def places(self, located: Iterable[str]) -> list[int]:
        """Return which patterns, in order, may match a text with these literals."""
        return sorted(self._always.union(*map(self._places.__getitem__, located)))

    def _candidates(self, word: str) -> list[tuple[str, int]]:
        """Return the literals that a text with this word may contain, and where they begin from the word's start."""
        literals = self._literals
        return [
            (literal, found.start() - inside)
            for found in self._parts.finditer(word)
            for literal, inside in literals[found[1]]
        ]


def _trie(words: Iterable[str]) -> str:
    """Return a regular expression that matches the longest of these words at a place."""
    rests: dict[str, list[str]] = defaultdict(list)
    is_end = False
    for word in words:
        if word:
            rests[word[0]].append(word[1:])
        else:
            is_end = True
    ways = "|".join(re.escape(first) + _trie(rest) for first, rest in sorted(rests.items()))
    return f"(?:{ways}){'?' if is_end else ''}" if ways else ""


@lru_cache(maxsize=1)  # each of these functions is called for a pattern before the next one
def _parse(pattern: str) -> Any:
    return _parser.parse(pattern, re.IGNORECASE)


def _of(parts: Iterable[tuple[Any, Any]]) -> Literals:
    """Return the most selective literals of a sequence: those whose shortest literal is the longest."""
    best, run = _NONE, ""
    for kind, content in [*parts, (None, None)]:
        if kind is op.LITERAL and (content < 128 or _is_caseless(chr(content))):
            run += chr(content).lower()
            continue
        best = max(best, frozenset({run} - {""}), _inside(kind, content), key=_shortest)
        run = ""
    return best


def _is_caseless(character: str) -> bool:
    """Whether a character has one form only, as those of Han, Hebrew and Thai: folding leaves it as it is."""
    return character.lower() == character == character.upper()


def _inside(kind: Any, content: Any) -> Literals:
    if kind is op.SUBPATTERN:
        return _of(content[-1])
    if kind is op.ATOMIC_GROUP:
        return _of(content)
    if kind in _REPEATS and content[0] > 0:
        return _of(content[2])
    if kind is op.BRANCH:
        ways = [_of(way) for way in content[1]]
        return _NONE.union(*ways) if all(ways) else _NONE
    return _NONE


def _beginnings_of(parts: Iterable[tuple[Any, Any]]) -> set[tuple[str, bool]]:
    """Return how a sequence's matches begin: each text with whether what follows it is of no interest or unknown."""
    found = {("", False)}
    for kind, content in parts:
        if all(ended for _, ended in found):
            break
        more = _beginnings(kind, content)
        found = {pair for pair in found if pair[1]} | {
            ((text + next_)[:BEGINNING], ended or len(text + next_) >= BEGINNING)
            for text, is_ended in found
            if not is_ended
            for next_, ended in more
        }
    return found


def _beginnings(kind: Any, content: Any) -> set[tuple[str, bool]]:
    if kind is op.LITERAL:
        return {(chr(content), False)}
    if kind is op.IN and all(one is op.LITERAL for one, _ in content):
        return {(chr(character), False) for _, character in content}
    if kind is op.SUBPATTERN:
        return _beginnings_of(content[-1])
    if kind is op.ATOMIC_GROUP:
        return _beginnings_of(content)
    if kind is op.BRANCH:
        return {beginning for way in content[1] for beginning in _beginnings_of(way)}
    if kind in _REPEATS:
        once = {(text, ended or content[1] > 1) for text, ended in _beginnings_of(content[2])}
        return once if content[0] else once | {("", False)}
    if kind in (op.AT, op.ASSERT, op.ASSERT_NOT):
        return {("", False)}
    return {("", True)}


def _shortest(literals: Literals) -> int:
    return min(map(len, literals), default=0)
