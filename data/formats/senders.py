"""Decide who wrote a message: the customer, or somebody else (an agent, a bot, the system)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from data.columns import NAMES, column_key

_SENDERS: dict[str, list[str]] = NAMES["senders"]
_FIELDS, _AMBIGUOUS, _STAFF = (frozenset(_SENDERS[name]) for name in ("fields", "ambiguous", "staff"))
PEOPLE = frozenset([*_SENDERS["customers"], *_SENDERS["agents"]])
"""Words that hardly mean anything else than who speaks."""
_CUSTOMERS = frozenset([*_SENDERS["customers"], *_SENDERS["inbound"]])
_OTHERS = _STAFF.union(_SENDERS["agents"], _SENDERS["outbound"])
_FLAGS = {
    name: is_customers
    for kind, is_customers in (("is_customers", True), ("is_others", False))
    for name in _SENDERS[kind]
}
_TRUTH = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
_key = lru_cache(maxsize=4096)(column_key)
_INNER = ("type", "role")
_WORDS = re.compile(r"[\W_]+")
_NOTES = {"public": False, "private": True}
"""What marks a message of a conversation as internal."""
_OF_HELP_SCOUT = ("message", "lineitem", "beaconchat_agent", "forwardparent", "forwardchild")
"""Types of messages that are not a customer's, if no other field says who wrote them."""


@lru_cache(maxsize=4096)
def sender_field(name: str) -> tuple[str, str]:
    """Return the field that says who wrote a message, and the record that it is in; an empty field: it does not.

    `source.author.type` is the field `author` of the record `source`.
    """
    *outer, last = _key(name).split(".")
    if last in _INNER and outer and outer[-1] in _FIELDS:
        *outer, last = outer
    return last if last in _FIELDS or last in _FLAGS else "", ".".join(outer)


def others_values(field: str, values: Iterable[str]) -> frozenset[str]:
    """Return the values of a table's column that mark messages which customers did not write.

    Nothing if the column seems to be about something else, such as a `role` that is the customer's job.
    """
    sides = {value: is_customers(field, value) for value in values if value}
    if field == "role":
        sides = {value: None if words_of(value) <= _STAFF else side for value, side in sides.items()}
    if field in _FLAGS and None in sides.values():
        return frozenset()
    is_usual = field not in _AMBIGUOUS
    is_known = True in sides.values() or (is_usual and None not in sides.values())
    if any(_key(value) == "contact" for value in sides):  # Chatwoot: an agent is a user
        sides.update((value, False) for value in sides if _key(value) == "user")
    return frozenset(
        value
        for value, side in sides.items()
        if side is False and (is_known or (is_usual and _key(value) in _OTHERS))
    )


def is_customers(field: str, value: object) -> bool | None:
    """Whether the value of a field says that the customer wrote the message; None: it does not say who did."""
    if field in _FLAGS:
        truth = _TRUTH.get(str(value).strip().casefold())
        return None if truth is None else truth is _FLAGS[field]
    if not isinstance(value, str) or "@" in value:
        return None
    words = words_of(value)
    return False if not words.isdisjoint(_OTHERS) else True if not words.isdisjoint(_CUSTOMERS) else None


def sides(messages: Sequence[Mapping[str, Any]]) -> list[bool | None]:
    """Return for each message of a conversation whether it is the customer's; None: nothing says who wrote it."""
    said = [_said(message) for message in messages]
    found = [_side(message, fields) for message, fields in zip(messages, said, strict=True)]
    values = [{str(value).casefold() for _, value in fields} for fields in said]
    if any("contact" in one for one in values):  # Chatwoot: an agent is a user
        found = [False if "user" in one else side for side, one in zip(found, values, strict=True)]
    return found


def has_sender(message: Mapping[str, Any]) -> bool:
    """Whether a record says that a customer or somebody else wrote it."""
    return any(is_customers(field, value) is not None for field, value in _said(message))


def authors(message: Mapping[str, Any]) -> list[str]:
    """Return what the fields say that name the author of a message."""
    return [str(value) for field, value in _said(message) if field not in _FLAGS]


def words_of(value: str) -> frozenset[str]:
    """Return the words of a name, in lower case."""
    return frozenset(_WORDS.split(_key(value))) - {""}


def _side(message: Mapping[str, Any], said: list[tuple[str, Any]]) -> bool | None:
    fields = {_key(name): value for name, value in message.items()}
    kind = _key(str(fields.get("type")))
    if isinstance(number := fields.get("message_type"), int):  # Chatwoot: 0 is incoming
        return number == 0
    if kind == "note" or any(fields.get(name) is value for name, value in _NOTES.items()):
        return False
    found = [is_customers(field, value) for field, value in said]
    if False in found or True in found:
        return False not in found
    return True if kind in _CUSTOMERS else False if kind in (*_OTHERS, *_OF_HELP_SCOUT) else None


def _said(message: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the fields of a message that say who wrote it; of a record its type or role, else what it has first."""
    found: list[tuple[str, Any]] = []
    for name, value in message.items():
        field, _ = sender_field(name)
        if isinstance(value, Mapping):
            inner = [value[key] for key in _INNER if value.get(key)] or list(value.values())[:1]
            found += [(field, one) for one in inner]
        elif value not in (None, ""):
            found.append((field, value))
    return [(field, value) for field, value in found if field]
