"""Recognize chat exports (WhatsApp and others): conversations as text, whose messages have no labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.columns import INTENT_NAMES, column_key

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
_RECORDS = (
    ("from", "date", "text"),
    ("user", "ts", "text"),
    ("author", "timestamp", "content"),
    ("sender_name", "timestamp_ms", "content"),
)
"""Sender, time and text of a message in JSON: Telegram, Slack, Discord, Messenger and Instagram."""

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


def is_chat(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether JSON objects are a conversation: messages with a sender and a time, without a label."""
    if any(column_key(str(name)) in INTENT_NAMES for record in records for name in record):
        return False
    found = sum(any(record.keys() >= set(names) for names in _RECORDS) for record in records)
    return found >= _MIN_MESSAGES and found >= _MIN_SHARE * len(records)
