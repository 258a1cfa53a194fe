"""Validate and parse the contact data of a handoff: how to reach the customer. Stored only under its own prefix."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError

from chatbot.dialog.message import clean, has_words
from chatbot.documents import Document
from chatbot.errors import InvalidMessage, StoreError
from chatbot.ids import time_of
from chatbot.store import layout

MAX_CHARS = 200

_EMAIL = re.compile(r"[^\s@<>(),;:]{1,64}@[^\s@<>(),;:.]+(?:\.[^\s@<>(),;:.]+)+")
_SPELLED_EMAIL = re.compile(
    r"(?:\bat\s|[(\[]\s?at\s?[)\]])\s?[^\s@]+?(?:\.|\s?[(\[]\s?dot\s?[)\]]\s?|\sdot\s)[^\W\d_]{2}",
    re.IGNORECASE,
)
_PHONE = re.compile(r"[+(]?\d[\d\s()./-]*")
_PHONE_DIGITS = range(6, 16)


class Contact(Document):
    """Contact data that a customer left: intentionally personal, so it is excluded from `repr`."""

    model_config = ConfigDict(hide_input_in_errors=True)

    format: int = 1
    kind: Literal["email", "phone", "text"]
    contact: str = Field(repr=False, max_length=MAX_CHARS)
    when: datetime


def contact_of(text: str, now: datetime) -> Contact:
    """Validate contact data: an e-mail address, a phone number, or a sentence that holds one.

    Raises: InvalidMessage: it is empty, too long, or holds no complete address or number; the value is not repeated.
    """
    text = clean(text)
    if len(text) > MAX_CHARS:
        raise _invalid(f"is {len(text)} characters long, the limit is {MAX_CHARS}", "too long")
    if not has_words(text):
        raise _invalid("is empty", "empty")
    if _EMAIL.fullmatch(text):
        return Contact(kind="email", contact=text, when=now)
    if " " not in text and "@" in text:
        raise _invalid(
            "is not a complete e-mail address: write it as name@example.com", "not an e-mail address"
        )
    digits = sum(character.isdigit() for character in text)
    if _PHONE.fullmatch(text):
        if digits not in _PHONE_DIGITS:
            raise _invalid(
                "is not a complete phone number: write it with its area code", "not a phone number"
            )
        return Contact(kind="phone", contact=text, when=now)
    if digits < _PHONE_DIGITS.start and not (_EMAIL.search(text) or _SPELLED_EMAIL.search(text)):
        raise _invalid(
            "contains neither an e-mail address nor a phone number: add one, such as name@example.com",
            "no address or number",
        )
    return Contact(kind="text", contact=text, when=now)


def key_of(prediction_id: str) -> str:
    """Return the store key of a handoff's contact data.

    Raises: ValueError: the text does not have the form of a prediction id.
    """
    day = time_of(prediction_id).astimezone(UTC).date()
    return layout.document(layout.of_day(layout.CONTACTS, day), prediction_id)


def parse(body: bytes, where: str) -> Contact:
    """Parse stored contact data.

    Raises: StoreError: the content is not contact data; the message names `where` and repeats no value.
    """
    try:
        return Contact.model_validate_json(body)
    except ValidationError:
        raise StoreError(f"{where} is not contact data") from None


def _invalid(problem: str, word: str) -> InvalidMessage:
    return InvalidMessage(f"`contact` {problem}", [{"field": "contact", "problem": word, "limit": MAX_CHARS}])
