"""Flatten JSON records: fields within fields become columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_CONVERSATIONS = frozenset(["threads", "messages", "comments", "conversation_parts"])
_TIMES = ("created_at", "createdat", "created_datetime", "sent_datetime", "created")


def flat(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the fields of a record; those of a record within it, or alone in a list, under joined names.

    A list of named things, such as tags, is also the list of their names; of a conversation, the customer's first
    message is taken.
    """
    for name, value in record.items():
        if (names := _names(value)) is not None:
            yield f"{prefix}{name}", names
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(value, list) and name.casefold() in _CONVERSATIONS:
            inner = _first(value) or inner
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


def _first(messages: list[Any]) -> dict[str, Any] | None:
    """Return the first message of a conversation that is a customer's; None: there is none."""
    found = [one for one in messages if isinstance(one, dict)]
    own = [one for one in found if _is_customers(one)]
    keys = {key for one in own for key in one if key.casefold() in _TIMES}
    for key in sorted(keys):
        if all(isinstance(one.get(key), str) for one in own) or all(
            isinstance(one.get(key), int) for one in own
        ):
            own.sort(key=lambda one: one[key])
            break
    return own[0] if own else None


def _is_customers(message: Mapping[str, Any]) -> bool:
    """Whether nothing marks a message of a conversation as an agent's, an automatic or an internal one."""
    kind = message.get("type")
    return (
        message.get("role") not in ("system", "developer", "assistant", "agent", "bot", "tool")
        and kind not in ("note", "message", "lineitem", "beaconchat_agent", "forwardparent", "forwardchild")
        and message.get("from_agent") is not True
        and message.get("is_inbound") is not False
        and message.get("incoming") is not False
        and message.get("public") is not False
    )
