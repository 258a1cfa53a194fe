"""What users asked to be forgotten: one mark an id, `forgotten/<id>.json`, that every reader and corpus build obeys."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from chatbot.storage import Store

_PREFIX = "forgotten/"


def forgotten(store: Store) -> frozenset[str]:
    """All ids (of predictions and of sessions, as `chatbot.ids.opaque` made them) that must not be read."""
    keys = (entry.key for entry in store.list(_PREFIX))
    return frozenset(key.removeprefix(_PREFIX).removesuffix(".json") for key in keys)


def is_forgotten(store: Store, some_id: str) -> bool:
    """Whether this id must not be read."""
    return store.head(f"{_PREFIX}{some_id}.json") is not None


def mark_forgotten(store: Store, some_id: str, now: datetime) -> None:
    """Let every reader and every later corpus build leave this id out, from now on."""
    body = json.dumps({"id": some_id, "when": now.astimezone(UTC).isoformat(timespec="seconds")})
    store.put(f"{_PREFIX}{some_id}.json", body.encode())
