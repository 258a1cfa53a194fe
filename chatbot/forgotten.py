"""What users asked to be forgotten: one mark an id, `forgotten/<id>.json`, that every reader and corpus build obeys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from chatbot.storage import Store, stem

_PREFIX = "forgotten/"


def forgotten(store: Store) -> frozenset[str]:
    """All ids (of predictions and of sessions, as `chatbot.ids.opaque` made them) that must not be read."""
    return frozenset(stem(entry.key) for entry in store.list(_PREFIX))


def is_forgotten(store: Store, some_id: str) -> bool:
    """Whether this id must not be read."""
    return store.head(f"{_PREFIX}{some_id}.json") is not None


def mark_forgotten(store: Store, some_id: str, now: datetime, session: str = "") -> None:
    """Let every reader and every later corpus build leave this id out, from now on.

    Args:
        session: of a prediction: the forgotten session that it belongs to (`predictions_of`).
    """
    body = {"id": some_id, "when": now.astimezone(UTC).isoformat(timespec="seconds"), "session": session}
    store.put(f"{_PREFIX}{some_id}.json", json.dumps(body).encode())


def predictions_of(store: Store, session: str) -> Iterator[str]:
    """The predictions that were marked because their session is forgotten."""
    for entry in store.list(_PREFIX):
        if json.loads(store.get(entry.key)).get("session") == session:
            yield stem(entry.key)
