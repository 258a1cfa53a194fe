"""Take the customer's first message out of the transcript of a chat that a cell holds."""

from __future__ import annotations

import re
from itertools import takewhile

from data.formats.nested import OTHERS, MissingCell
from data.formats.senders import PEOPLE, is_customers, words_of
from data.text import lines_of

_TIME = r"[\[(]?(?:[\d./-]{6,10},?[ T])?\d{1,2}:\d\d(?::\d\d)?(?:\.\d+)?Z?(?:\s?[ap]\.?m\.?)?[\])]?"
_BEGINNING = re.compile(rf"\s*(?P<time>{_TIME}(?:\s*[-–|])?\s+)?", re.IGNORECASE)
_SPEAKER = re.compile(
    rf"(?P<name>[^\W\d][^:\n(\[]{{0,40}}?)(?P<time>\s*[(\[]{_TIME})?\s*:(?:\s+|$)", re.IGNORECASE
)
_TITLE = re.compile(r"\W*(?:chat|conversation|transcript)\b", re.IGNORECASE)
_LEVELS = frozenset(["error", "warn", "warning", "info", "debug", "trace", "fatal"])
"""What stands between time and text in a log."""
_ADVICE = "write the customer's first message into the cell"


def customers_words(cell: object) -> object:
    """Return the customer's first message of a transcript; any other cell unchanged.

    Each line of a transcript begins with a time and a name (`[10:02] Ann: hi`), or with a name that means a customer or
    an agent (`Visitor: hi`), and agents are among them. If no name says who the customer is, the cell is missing.
    """
    if not isinstance(cell, str) or ":" not in cell[:200]:
        return cell
    lines = [line for line in lines_of(cell) if line.strip()]
    turns = [_turn(line) for line in lines[bool(_TITLE.match(lines[0])) :]]
    sides = {name: is_customers("speaker", name) for name, _, _ in turns if name}
    if not turns or not _is_transcript(turns, sides):
        return cell
    if True not in sides.values():
        if None not in sides.values():
            return OTHERS
        named = ", ".join(map(repr, sides))
        return MissingCell(
            f"a transcript whose speakers do not say who the customer is ({named:.80}): {_ADVICE}"
        )
    first = next(place for place, (name, _, _) in enumerate(turns) if name and sides[name])
    own = takewhile(lambda turn: sides[turn[0]] if turn[0] else not turn[1], turns[first:])
    return "\n".join(text for _, _, text in own)


def _is_transcript(turns: list[tuple[str, bool, str]], sides: dict[str, bool | None]) -> bool:
    name, is_timed, _ = turns[0]
    if is_timed:
        return len(sides) > 1 or (bool(sides) and None not in sides.values())
    if not name or None in sides.values() or sum(bool(one) for one, _, _ in turns) < 2:
        return False
    # A form may have a `Customer:` and a `System:`.
    return any(not side and not words_of(one).isdisjoint(PEOPLE) for one, side in sides.items())


def _turn(line: str) -> tuple[str, bool, str]:
    """Return who speaks in a line (empty: it continues another), whether it has a time, and the text."""
    time = _BEGINNING.match(line)
    start = time.end() if time is not None else 0
    is_timed = time is not None and time["time"] is not None
    found = _SPEAKER.match(line, start)
    if found is None or found["name"].casefold() in _LEVELS:
        return "", is_timed, line.strip()
    return found["name"].strip(), is_timed or found["time"] is not None, line[found.end() :].strip()
