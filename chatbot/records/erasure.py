"""Read and write erasure tombstones: one per prediction or session id (`forgotten/<id>.json`).

Every reader of the log store and every corpus build leaves out ids that have a tombstone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from chatbot.records.shard import WHOLE, Shard
from chatbot.store import Store, layout, stem

REVIEWED = "review:"
"""Prefix of the `source` of a corpus row that a customer wrote; the prediction id follows: erasure finds the row."""


def forgotten(store: Store) -> frozenset[str]:
    """Return the erased ids: of predictions, and of sessions (pseudonyms from `chatbot.ids.opaque`)."""
    return frozenset(stem(entry.key) for entry in store.list(layout.TOMBSTONES))


def mark_forgotten(
    store: Store, some_id: str, now: datetime, session: str = "", shard: Shard = WHOLE
) -> None:
    """Write a tombstone: from now on all readers and corpus builds leave this id out. Idempotent.

    Args:
        some_id: prediction id or session pseudonym.
        session: for a prediction: the erased session that it belongs to (`predictions_of`).
        shard: of the erasure that found the prediction in its records, and erases it.
    """
    when = now.astimezone(UTC).isoformat(timespec="seconds")
    body = {"id": some_id, "when": when, "session": session, "shard": "" if shard == WHOLE else str(shard)}
    store.put(layout.document(layout.TOMBSTONES, some_id), json.dumps(body).encode())


def predictions_of(store: Store, session: str, shard: Shard = WHOLE) -> Iterator[str]:
    """Yield the predictions whose tombstones were written because their session was erased.

    The first shard takes all; another shard those that no shard has found, because compaction dropped their records.
    """
    for entry in store.list(layout.TOMBSTONES):
        body = json.loads(store.get(entry.key))
        if body.get("session") == session and (shard.index == 0 or body.get("shard", "") in ("", str(shard))):
            yield stem(entry.key)
