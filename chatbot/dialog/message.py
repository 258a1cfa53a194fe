"""Message normalization: make user text safe to classify, count and store."""

from __future__ import annotations

import re
import unicodedata

WARM_UP = "Can I get a refund?"
"""Message that start-up and readiness checks classify."""

OUT_OF_SCOPE = "out_of_scope"
"""Label of out-of-distribution messages (they have no intent): in corpora, scores and replies."""

DENIED = "denied_request"
"""Stands as the rule of a handoff because the message denies its likeliest intent (`chatbot.dialog.denial`), or of a
clarification because it denies that a person is wanted."""

FOLLOW_UP = "follow_up"
"""Stands as the rule of a clarification because the message names no topic (`chatbot.dialog.follow_up`)."""

# Control characters except tab and line ends, bidirectional marks, and invisible line-break hints: pasted text has
# them inside addresses and numbers, where they would defeat PII redaction.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
# Runs that may hold many combining marks, which Python's regular expressions cannot name.
_LONG_RUN = re.compile(r"[^\w\s\x00-\x7f]{31,}")
_MAX_MARKS = 30
"""Combining marks in a row that are kept: the Stream-Safe Text Format (UAX #15). Sorting more takes quadratic time."""
_PHRASES = re.compile("[\ufdfa\ufdfb\u3300-\u3357\u33ae\u33af]")
"""Characters that NFKC expands to 18, 8 and up to 6: phrases and units, in no keyword; all others become at most 4."""
_MAX_EXPANSION = 3
"""Growth by NFKC beyond which a text is compared as it is."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u00b4": "'", "`": "'"})


def clean(text: str) -> str:
    """Normalize a message for classification and storage: NFC, no control characters, single spaces.

    At most 30 combining marks in a row are kept.

    A lone surrogate (half of a broken emoji in JSON) becomes U+FFFD, so that the result is always valid UTF-8.
    Training and serving both call this function. Idempotent.
    """
    text = _SURROGATE.sub("\ufffd", text)
    text = unicodedata.normalize("NFC", _LONG_RUN.sub(_with_few_marks, _CONTROL.sub("", text)))
    return _SPACE.sub(" ", text).strip()


def plain(text: str) -> str:
    """Normalize a message for keyword matching: NFKC, straight apostrophes; keeps the case."""
    text = _PHRASES.sub(" ", text)
    wide = unicodedata.normalize("NFKC", text)
    return (wide if len(wide) <= _MAX_EXPANSION * len(text) else text).translate(_APOSTROPHES)


def _with_few_marks(run: re.Match[str]) -> str:
    """Drop the combining marks of a run beyond `_MAX_MARKS` in a row."""
    kept, marks = [], 0
    for character in run[0]:
        parts = unicodedata.normalize("NFD", character)
        marks = marks + len(parts) if unicodedata.combining(parts[0]) else 0
        if marks <= _MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def has_words(text: str) -> bool:
    """Whether the text contains a letter or digit of any script; emoji and punctuation cannot be classified."""
    return any(character.isalnum() for character in text)
