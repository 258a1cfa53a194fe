"""Literals that a regular expression requires: a cheap prefilter, so that the regex runs on few texts.

Works like the literal filters of RE2 and of Rust's regex crate (Cox, 2012, "Regular Expression Matching with a
Trigram Index"), on the syntax tree of Python's own parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

# Private API, stable since Python 3.11: a pattern's syntax tree has no public API.
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

Literals = frozenset[str]

_UNBOUNDED = 1_000
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


def whole(pattern: str) -> bool:
    """Whether every match begins at the text's start and ends at its end."""
    parts = _parse(pattern)
    return bool(parts[0] == (op.AT, op.AT_BEGINNING) and parts[-1] == (op.AT, op.AT_END))


@lru_cache(maxsize=1)  # each of these functions is called for a pattern before the next one
def _parse(pattern: str) -> Any:
    return _parser.parse(pattern, re.IGNORECASE)


def _of(parts: Iterable[tuple[Any, Any]]) -> Literals:
    """Return the most selective literals of a sequence: those whose shortest literal is the longest."""
    best, run = _NONE, ""
    for kind, content in [*parts, (None, None)]:
        if kind is op.LITERAL and content < 128:
            run += chr(content).lower()
            continue
        best = max(best, frozenset({run} - {""}), _inside(kind, content), key=_shortest)
        run = ""
    return best


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


def _shortest(literals: Literals) -> int:
    return min(map(len, literals), default=0)
