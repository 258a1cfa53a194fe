"""Read and write erasure tombstones: one per prediction or session id (`forgotten/<id>.json`).

Every reader of the log store and every corpus build leaves out ids that have a tombstone. A handoff that a customer
causes after the erasure of the session is shown: somebody waits for an answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from chatbot.ids import time_of
from chatbot.records.shard import WHOLE, Shard
from chatbot.store import Store, get_all, layout, stem

REVIEWED = "review:"
"""Prefix of the `source` of a corpus row that a customer wrote; the prediction id follows: erasure finds the row."""


_RESOLUTION = timedelta(seconds=1)
"""Of the times of a store's objects."""


def tombstones(store: Store) -> dict[str, datetime]:
    """Return the erased ids with the time of their erasure, the last one if it ran again."""
    return {stem(entry.key): entry.modified for entry in store.list(layout.TOMBSTONES)}


def is_after_erasure(written: datetime, erased: datetime) -> bool:
    """Whether a message of an erased session was written after its erasure: the customer went on writing."""
    return written > erased + _RESOLUTION


def is_hidden(prediction_id: str, session_id: str, gone: Mapping[str, datetime]) -> bool:
    """Whether a handoff is erased, given all tombstones: by itself, or by its session up to the erasure of that."""
    erased = gone.get(session_id)
    return prediction_id in gone or (
        erased is not None and not is_after_erasure(time_of(prediction_id), erased)
    )


def forgotten(store: Store) -> frozenset[str]:
    """Return the erased ids: of predictions, and of sessions (pseudonyms from `chatbot.ids.opaque`)."""
    return frozenset(tombstones(store))


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
    for key, content in get_all(store, (entry.key for entry in store.list(layout.TOMBSTONES))).items():
        body = json.loads(content)
        if body.get("session") == session and (shard.index == 0 or body.get("shard", "") in ("", str(shard))):
            yield stem(key)
