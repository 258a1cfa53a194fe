"""What a message is: the text a user wrote, made safe to read, count and store, and otherwise left as it is."""

from __future__ import annotations

import re
import unicodedata

OUT_OF_SCOPE = "out_of_scope"
"""The label of what belongs to no intent: in corpora, in scores, in replies."""

# All control characters but tab and line ends, the invisible marks that turn a text's direction, and those that only
# say where a line may break: pasted text has them in the middle of addresses and numbers.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u00b4": "'", "`": "'"})


def clean(text: str) -> str:
    """The message as it is classified and stored: NFC, no control characters, white space folded to single spaces.

    A lone surrogate (half of a broken emoji in JSON) becomes U+FFFD, so that the result is always valid UTF-8.
    Training and serving call this same function. Cleaning twice changes nothing.
    """
    text = _SURROGATE.sub("\ufffd", text)
    text = unicodedata.normalize("NFC", _CONTROL.sub("", text))
    return _SPACE.sub(" ", text).strip()


def plain(text: str) -> str:
    """The message for comparing with keywords: compatibility forms and curly apostrophes made plain, case kept."""
    return unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)


def has_words(text: str) -> bool:
    """Whether there is a letter or digit of any script: an emoji or a row of dots says nothing to classify."""
    return any(character.isalnum() for character in text)
