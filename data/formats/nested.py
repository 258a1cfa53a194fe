"""Flatten JSON records: fields within fields become columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data.formats.senders import authors, has_sender, sides

_CONVERSATIONS = frozenset(["threads", "messages", "comments", "conversation_parts"])
_TIMES = ("created_at", "createdat", "created_datetime", "sent_datetime", "created")


class MissingCell:
    """A cell that a record does not have, such as an absent key in JSON Lines.

    Args: reason: why, where it is not absent: it belongs to a message that is not known to be the customer's.
    """

    def __init__(self, reason: str = "") -> None:
        self.reason = reason


OTHERS = MissingCell("no message of the conversation is the customer's")
"""Field of a conversation in which only agents or bots wrote."""


def flat(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the fields of a record; those of a record within it, or alone in a list, under joined names.

    A list of named things, such as tags, is also the list of their names; of a conversation, the customer's first
    message is taken; without one, its fields are missing.
    """
    for name, value in record.items():
        if (names := _names(value)) is not None:
            yield f"{prefix}{name}", names
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        messages = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
        if messages and (name.casefold() in _CONVERSATIONS or any(map(has_sender, messages))):
            inner, missing = _first(messages, _wrote(messages, record))
            if missing is not None:
                yield from ((key, missing) for key, _ in flat(inner, f"{prefix}{name}."))
                continue
        if isinstance(inner, dict) and inner:
            yield from flat(inner, f"{prefix}{name}.")
        elif names is None:
            yield f"{prefix}{name}", value


def _names(value: Any) -> list[str] | None:
    """Return the names of a list of named things: `[{"id": 7, "name": "refund"}]`."""
    if not isinstance(value, list) or not value:
        return None
    found: list[str] = []
    for one in value:
        name = (one.get("name") or one.get("tag")) if isinstance(one, dict) else None
        if not isinstance(name, str):
            return None
        found.append(name)
    return found


def _wrote(messages: list[dict[str, Any]], ticket: Mapping[str, Any]) -> list[bool | None]:
    """Return for each message whether the customer wrote it; of Zendesk, the ticket has the customer's number."""
    customer = ticket.get("requester_id")
    if customer is None or not all(one.get("author_id") for one in messages):
        return sides(messages)
    return [
        one["author_id"] == customer and side is not False
        for one, side in zip(messages, sides(messages), strict=True)
    ]


def _first(
    messages: list[dict[str, Any]], wrote: list[bool | None]
) -> tuple[dict[str, Any], MissingCell | None]:
    """Return the customer's first message, else one that nothing marks; or any, and why none is the customer's."""
    own = [one for one, side in zip(messages, wrote, strict=True) if side]
    if not own:
        own = [one for one, side in zip(messages, wrote, strict=True) if side is None]
        if not own:
            return messages[0], OTHERS
        if names := {author for one in own for author in authors(one)}:
            named = ", ".join(map(repr, sorted(names)[:3]))
            return own[0], MissingCell(
                f"nothing says which author is the customer: {named:.80}; write `customer` as its author"
            )
    keys = {key for one in own for key in one if key.casefold() in _TIMES}
    for key in sorted(keys):
        if all(isinstance(one.get(key), str) for one in own) or all(
            isinstance(one.get(key), int) for one in own
        ):
            own.sort(key=lambda one: one[key])
            break
    return own[0], None
