"""The team's list of handoffs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from chatbot.ids import new_id
from chatbot.records.handoff import Handoff, key_of
from chatbot.store.folder import FolderStore
from training.review.handoffs import move, read_tasks


def test_those_that_wait_are_listed_however_many_later_ones_are_done(tmp_path: Path) -> None:
    store, now = FolderStore(tmp_path), datetime.now(UTC).timestamp()
    ids = [new_id(b"k" * 32, now - 60 * age) for age in range(6, 0, -1)]
    for prediction_id in ids:
        handoff = Handoff(
            prediction_id=prediction_id,
            message="a person, please",
            summary="Asks for a person.",
            intent="",
            source="rule",
        )
        store.put(key_of(prediction_id), handoff.body())
    for prediction_id in ids[2:]:
        move(store, prediction_id, "done", "ada")
    found = [(task.handoff.prediction_id, task.state) for task in read_tasks(store, most=3)]
    waiting, done = ids[:2], ids[3:]
    assert found == [
        *((one, "done") for one in reversed(done)),
        *((one, "open") for one in reversed(waiting)),
    ]
