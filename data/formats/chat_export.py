"""Recognize chat exports (WhatsApp and others): conversations as text, whose messages have no labels."""

from __future__ import annotations

import re
from pathlib import Path

_READ_BYTES = 65_536
_MIN_MESSAGES = 2
_MIN_SHARE = 0.2
"""Share of lines that begin a message; the others continue one, or tell what happened in the chat."""
_MESSAGE = re.compile(
    r"[\u200e\u200f\ufeff]*\[?\d{1,4}[./-]\d{1,2}[./-]\d{1,4},?\s\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:\s?[ap]\.?\s?m\.?)?"
    r"(?:\]| -)\s[^:\n]{1,80}: ",
    re.IGNORECASE,
)
"""Date, time, name and text: `[12/03/2024, 14:05:11] Anna: hi`, `12.03.24, 14:05 - Anna: hi`."""

NO_LABELS = (
    "is a chat export: its messages have no labels, and names and times are not intents. Put the customers' messages "
    "into a table with the columns `message` and `intent`, label them, and give that"
)


def is_chat_export(path: Path) -> bool:
    """Whether a text file is a conversation with a date, a time and a name before each message."""
    with path.open("rb") as file:
        lines = file.read(_READ_BYTES).decode("utf-8", "replace").splitlines()
    found = sum(_MESSAGE.match(line) is not None for line in lines)
    return found >= _MIN_MESSAGES and found >= _MIN_SHARE * sum(bool(line.strip()) for line in lines)
