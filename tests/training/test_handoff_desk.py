"""The team's list of handoffs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chatbot.ids import new_id, time_of
from chatbot.records import contact
from chatbot.records.erasure import mark_forgotten
from chatbot.records.handoff import Handoff, Turn, key_of
from chatbot.store import layout
from chatbot.store.folder import FolderStore
from training.review.handoffs import HandoffReader, HandoffTaken, Work, move


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def put(
    store: FolderStore,
    minutes: float,
    session_id: str = "",
    message: str = "a person, please",
    *earlier: Turn,
) -> str:
    """Store the handoff of a message that was written so many minutes ago."""
    prediction_id = new_id(b"k" * 32, datetime.now(UTC).timestamp() - 60 * minutes)
    handoff = Handoff(
        prediction_id=prediction_id, session_id=session_id, message=message, summary="Asks for a person.",
        intent="", source="rule", conversation=earlier,
    )  # fmt: skip
    store.put(key_of(prediction_id), handoff.body())
    return prediction_id


def test_all_that_wait_are_listed_oldest_first_however_many_later_ones_are_done(store: FolderStore) -> None:
    day = 24 * 60
    waiting = [put(store, minutes) for minutes in (80 * day, 3, 2)]
    done = [put(store, minutes) for minutes in (20 * day, *[1] * 250)]
    for prediction_id in done:
        move(store, prediction_id, "done", "ada")
    tasks = HandoffReader(store).tasks()
    assert [task.handoff.prediction_id for task in tasks if task.state == "open"] == waiting
    assert {task.handoff.prediction_id for task in tasks if task.state == "done"} == set(done)


def test_a_finished_handoff_is_listed_for_14_days_after_it_was_closed(store: FolderStore) -> None:
    """The age of its message would hide an old one at once, and a misclick could not be undone."""
    kept, gone = (put(store, 40 * 24 * 60) for _ in range(2))
    for prediction_id, days in ((kept, 13), (gone, 15)):
        closed = Work(state="done", by="ada", when=datetime.now(UTC) - timedelta(days=days))
        store.put(layout.document(layout.HANDOFF_WORK, prediction_id), closed.model_dump_json().encode())
    assert [case.case_id for case in HandoffReader(store).cases()] == [kept]


def test_a_conversation_is_one_case_with_all_its_turns(store: FolderStore) -> None:
    first = put(store, 9, "s1", "hello, a person")
    other = put(store, 6, "s2")
    said = [
        Turn(at=time_of(first), speaker="customer", text="hello, a person"),
        Turn(at=time_of(first), speaker="assistant", text="I pass you on."),
    ]
    second = put(store, 3, "s1", "anybody?", *said)
    alone = [put(store, 2), put(store, 1)]
    cases = HandoffReader(store).cases()
    assert [case.case_id for case in cases] == [first, other, *alone]
    assert [task.handoff.prediction_id for task in cases[0].tasks] == [first, second]
    assert [turn.text for turn in cases[0].turns] == ["hello, a person", "I pass you on.", "anybody?"]
    move(store, first, "taken", "ada")
    assert [(case.state, case.by) for case in HandoffReader(store).cases() if case.case_id == first] == [
        ("taken", "ada")
    ]
    for prediction_id in (first, second):
        move(store, prediction_id, "done", "ada")
    (case,) = [case for case in HandoffReader(store).cases() if case.case_id == first]
    assert (case.state, case.by) == ("done", "ada")


def test_contact_data_is_shown_with_its_conversation_only(store: FolderStore) -> None:
    asked, other = put(store, 9, "s1"), put(store, 6, "s2")
    left = contact.contact_of(" jane@example.com ", datetime.now(UTC))
    store.put(contact.key_of(asked), left.model_dump_json().encode())
    assert [case.contacts for case in HandoffReader(store).cases()] == [["jane@example.com"], []]
    assert "jane" not in repr(left)
    mark_forgotten(store, asked, datetime.now(UTC))
    assert [case.case_id for case in HandoffReader(store).cases()] == [other]


@pytest.mark.parametrize("state", ["done", "open", "taken"])
def test_another_persons_handoff_is_changed_on_purpose_only(store: FolderStore, state: str) -> None:
    prediction_id = put(store, 1)
    move(store, prediction_id, "taken", "ada")
    for instead_of in ("", "eve"):
        with pytest.raises(HandoffTaken, match="ada has it"):
            move(store, prediction_id, state, "bob", instead_of)  # type: ignore[arg-type]
    assert move(store, prediction_id, state, "bob", "ada").by == "bob"  # type: ignore[arg-type]


class ReadCounter(FolderStore):
    """A store that notes which objects are read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.read: list[str] = []

    def get(self, key: str, *, etag: str = "") -> bytes:
        self.read.append(key)
        return super().get(key, etag=etag)


def test_a_look_reads_again_only_what_changed(tmp_path: Path) -> None:
    store = ReadCounter(tmp_path)
    ids = [put(store, minutes) for minutes in range(50, 0, -1)]
    reader = HandoffReader(store)
    assert len(reader.cases()) == 50
    store.read.clear()
    new = put(store, 0)
    move(store, ids[3], "taken", "ada")
    store.put(
        contact.key_of(ids[4]),
        contact.contact_of("jane@example.com", datetime.now(UTC)).model_dump_json().encode(),
    )
    cases = reader.cases()
    assert [case.case_id for case in cases] == [*ids, new]
    assert (cases[3].state, cases[4].contacts) == ("taken", ["jane@example.com"])
    assert len(store.read) == 3
    store.delete(key_of(ids[0]))
    assert reader.cases()[0].case_id == ids[1]
    rewritten = reader.tasks()[0].handoff.model_copy(update={"message": "<ERASED>"})
    store.put(key_of(ids[1]), rewritten.body())
    assert reader.tasks()[0].handoff.message == "<ERASED>"
