"""What a regular expression cannot match without: told by its parts, so that most texts never run it.

The idea of the literal filters of RE2 and of Rust's regex crate (Cox, 2012, "Regular Expression Matching with a
Trigram Index"), on the tree that Python's own parser makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# Private names, the same from Python 3.11 on: there is no public way to a pattern's tree.
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

Literals = frozenset[str]

_NONE: Literals = frozenset()
_REPEATS = {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}


def required(pattern: str) -> Literals:
    """Texts in lower case of which every match holds one, once its case is folded; none: none can be named.

    Args:
        pattern: a regular expression, to be matched whatever the case.
    """
    return _of(_parser.parse(pattern, re.IGNORECASE))


def _of(parts: Iterable[tuple[Any, Any]]) -> Literals:
    """The best that a sequence has to offer: of its runs of characters and of its parts, the longest."""
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
