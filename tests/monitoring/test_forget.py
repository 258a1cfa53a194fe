"""`forget` takes out what came from a user, wherever it lies, and leaves a mark that all readers obey."""

from __future__ import annotations

import html
import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatbot.ids import load_or_make_key, new_id, opaque
from chatbot.records import contact
from chatbot.records.erasure import forgotten
from chatbot.records.handoff import Handoff, Turn, key_of
from chatbot.records.log_store import parts_of, read_part, scan, write_part
from chatbot.records.part import InvalidPart, Kind, Part
from chatbot.records.schema import Feedback, Record, header, to_line
from chatbot.records.shard import Shard
from chatbot.settings import (
    LogSettings,
    RetentionSettings,
    ServiceSettings,
    StorageSettings,
    UploadSettings,
)
from chatbot.store import Store, Unreachable, open_store
from monitoring import forget as command
from monitoring.inference_log import spool
from monitoring.inference_log.adoption import SWEPT, Ownership, adopt
from monitoring.inference_log.log import InferenceLog
from monitoring.inference_log.reader import read_feedback, read_log
from monitoring.inference_log.spool import SegmentWriter
from monitoring.inference_log.upload import ship
from monitoring.inference_log.upload_queue import UploadQueue
from monitoring.pages import environment as page_templates
from monitoring.upkeep import erasure, late, local_files, retention
from monitoring.upkeep.compaction import compact
from monitoring.upkeep.copies import ErasedTexts
from tests.monitoring.log_tools import KEY, REPLY, Waiting, ids_in_csv, seal
from tests.support.records import ids
from tests.support.store import overtaken
from training.review.handoffs import HandoffReader

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
SESSION = "0123456789abcdef"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LogSettings:
    """This machine: its log and its store, set by environment."""
    monkeypatch.setenv("CHATBOT_LOG_FOLDER", str(tmp_path / "log"))
    monkeypatch.setenv("CHATBOT_STORE_URL", str(tmp_path / "store"))
    return LogSettings()


@pytest.fixture
def store(here: LogSettings) -> Store:
    return open_store(StorageSettings())


def make(count: int, session: str = "") -> list[Record]:
    return [
        Record.of(REPLY, "where", new_id(KEY, DAY.timestamp() + n), session_id=session) for n in range(count)
    ]


def log_and_send(here: LogSettings, records: list[Record]) -> None:
    log = InferenceLog(here, uploader=Waiting(here.folder))
    log.append(records)
    for record in records:
        log.append_feedback(Feedback.of(record.prediction_id, False, comment="no", now=DAY))
    log.close()
    queue = UploadQueue(here.folder)
    assert ship(queue, open_store(StorageSettings()), UploadSettings(), everything=True).error == ""
    assert queue.waiting() == []


def bytes_of(store: Store) -> bytes:
    """All that the store holds but the marks, with the parts' values read."""
    text = b"".join(
        store.get(e.key) for e in store.list() if not e.key.startswith(("forgotten/", "log/", "feedback/"))
    )
    for kind in (Record, Feedback):
        for entry in parts_of(store, kind, DAY.date()):
            text += str(read_part(store, kind, entry.key).table.to_pylist()).encode()
    return text


def test_a_prediction_is_taken_out_everywhere(
    here: LogSettings, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    records = make(10)
    gone, kept = records[3].prediction_id, ids(records[:3] + records[4:])
    log_and_send(here, records)
    store.put(f"handoffs/day=2026-03-01/{gone}.json", b"{}")
    store.put(f"handoffs/day=2026-03-01/{kept[0]}.json", json.dumps({"conversation": [gone]}).encode())
    store.put(f"handoffs/day=2026-03-01/{kept[1]}.json", b"{}")
    for one in (gone, kept[0]):
        store.put(contact.key_of(one), b'{"kind": "text", "contact": "x", "when": "2026-03-01T00:00:00Z"}')
    store.put(f"reviews/{gone}.json", b"{}")
    store.put("reviews/intents/new_one.json", json.dumps({"from": gone}).encode())
    local = here.folder / "handoffs" / "webhook" / f"{gone}.json"
    local.parent.mkdir(parents=True)
    local.write_text("{}")
    assert command.main([gone]) == 0
    said = capsys.readouterr().out
    assert "1  log/" in said
    assert "2  handoffs/" in said
    assert "1  contacts/" in said
    assert [e.key for e in store.list("contacts/")] == [contact.key_of(kept[0])]
    assert "2  rows of the CSV files" in said
    assert store.head("reviews/intents/new_one.json") is not None, "an intent is nobody's message"
    store.delete("reviews/intents/new_one.json")
    assert gone.encode() not in bytes_of(store)
    assert all(one.encode() in bytes_of(store) for one in kept)
    assert [e.key for e in store.list("handoffs/")] == [f"handoffs/day=2026-03-01/{kept[1]}.json"]
    assert not local.exists()
    assert ids_in_csv(here.folder) == kept
    assert set(read_feedback(here.folder)) == set(kept)
    assert forgotten(store) == {gone}
    assert command.main([gone]) == 0, "again does no harm"


def test_a_session_is_taken_out_with_all_its_predictions(here: LogSettings, store: Store) -> None:
    session = opaque(load_or_make_key(ServiceSettings(), here), "what the client sent")
    theirs, others = make(4, session), make(4, SESSION)
    log_and_send(here, theirs + others)
    assert command.main(["--session", "what the client sent"]) == 0
    assert forgotten(store) == {session, *ids(theirs)}
    assert ids_in_csv(here.folder) == ids(others)
    assert set(read_feedback(here.folder)) == set(ids(others))
    assert not any(one.encode() in bytes_of(store) for one in [session, *ids(theirs)])
    assert all(one.encode() in bytes_of(store) for one in ids(others))


@pytest.mark.parametrize("known_by", ["handoff", "record"])
def test_a_conversation_is_erased_by_the_reference_that_its_customer_has(
    here: LogSettings, store: Store, known_by: str
) -> None:
    """The customer of the chat page knows the reference of one handoff, and no session id."""
    theirs, others = make(4, SESSION), make(4, "t" * 16)
    log_and_send(here, theirs + others)
    if known_by == "handoff":
        store.put(key_of(theirs[2].prediction_id), handed_over(theirs[2]).body())
    for _ in range(2):  # again does no harm: its tombstone names the session
        assert command.main(["--conversation", theirs[2].prediction_id]) == 0
        assert forgotten(store) == {SESSION, *ids(theirs)}
    assert ids_in_csv(here.folder) == ids(others)
    assert not any(one.encode() in bytes_of(store) for one in [SESSION, *ids(theirs)])


@pytest.mark.parametrize(
    "reference", ["where is it", new_id(KEY, DAY.timestamp() + 99)], ids=["no id", "nobody's"]
)
def test_a_reference_of_no_conversation_erases_nothing_and_says_why(
    here: LogSettings, store: Store, reference: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log_and_send(here, make(2, SESSION))
    assert command.main(["--conversation", reference]) == 1
    assert reference in capsys.readouterr().err
    assert not forgotten(store)


def test_a_session_without_records_is_still_known_by_its_predictions(here: LogSettings, store: Store) -> None:
    theirs, others = make(2, SESSION), make(1)
    log_and_send(here, theirs + others)
    store.put(
        f"reviews/{ids(theirs)[0]}.json", json.dumps({"session_id": SESSION, "duplicates": []}).encode()
    )
    erasure.forget(store, SESSION, DAY)
    # Another machine, whose records came later, and one more try after a kill: the marks know them.
    assert erasure.forget(store, SESSION, DAY).ids == {SESSION, *ids(theirs)}

    orphan, waiting = (new_id(KEY, DAY.timestamp() + 99 + n) for n in range(2))
    store.put(f"reviews/{orphan}.json", json.dumps({"session_id": "t" * 16, "duplicates": []}).encode())
    handoff = Handoff(
        prediction_id=waiting, session_id="t" * 16, message="a person", summary="-", intent="", source="rule"
    )
    store.put(key_of(waiting), handoff.body())
    assert erasure.forget(store, "t" * 16, DAY).ids == {"t" * 16, orphan, waiting}
    assert not [entry for prefix in ("reviews/", "handoffs/") for entry in store.list(prefix)]


def handed_over(record: Record, *earlier: Record) -> Handoff:
    turns = [
        Turn(at=one.timestamp, speaker="customer", text=one.query, prediction_id=one.prediction_id)
        for one in earlier
    ]
    return Handoff.of(REPLY, record, tuple(turns))


def test_an_erased_message_is_no_longer_an_earlier_turn_of_other_handoffs(
    here: LogSettings, store: Store
) -> None:
    gone, kept, last, waiting = records = make(4, SESSION)
    log_and_send(here, records)
    store.put(key_of(last.prediction_id), handed_over(last, gone, kept).body())
    queued = here.folder / "handoffs" / "webhook" / f"{waiting.prediction_id}.json"
    queued.parent.mkdir(parents=True)
    queued.write_bytes(handed_over(waiting, gone, kept).body())
    assert command.main([gone.prediction_id]) == 0
    assert store.get(key_of(last.prediction_id)) == handed_over(last, kept).body()
    assert queued.read_bytes() == handed_over(waiting, kept).body()


def test_a_handoff_in_the_spool_is_erased_before_it_is_delivered(here: LogSettings, store: Store) -> None:
    gone, kept, last, other = records = make(4, SESSION)
    gone = replace(
        gone, query="one\u2028two\x85three"
    )  # ends a line for `str.splitlines`, and is not escaped in JSON
    log_and_send(here, records)
    spooled = SegmentWriter(here.folder / "handoffs", spool.HANDOFF, "", ".jsonl")
    documents = (handed_over(gone), handed_over(last, gone, kept), handed_over(other, kept))
    spooled.write([one.body() + b"\n" for one in documents])
    spooled.seal()
    assert command.main([gone.prediction_id]) == 0
    [segment] = spool.segments(here.folder / "handoffs", spool.HANDOFF)
    left = (handed_over(last, kept), handed_over(other, kept))
    assert segment.read_bytes().splitlines() == [one.body() for one in left]


def test_an_erased_message_that_a_process_remembered_is_hidden_and_erased_by_the_next_retention(
    here: LogSettings, store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("HANDOFFS", "BUNDLES", "CORPORA"):
        monkeypatch.setenv(f"CHATBOT_RETENTION_{kind}_DAYS", "0")
    gone, kept, last = make(3, SESSION)
    erasure.forget(store, gone.prediction_id, DAY)
    late_one, expected = (handed_over(last, *earlier).body() for earlier in ((gone, kept), (kept,)))
    store.put(key_of(last.prediction_id), late_one)
    [case] = HandoffReader(store).cases()
    assert [turn.text for turn in case.turns] == [kept.query, last.query]
    assert retention.main(["--dry-run"]) == 0
    assert "would take what is erased out of" in capsys.readouterr().out
    assert store.get(key_of(last.prediction_id)) == late_one
    assert retention.main([]) == 0
    assert store.get(key_of(last.prediction_id)) == expected


def test_a_customer_who_writes_on_after_the_erasure_of_the_session_still_reaches_the_team(
    here: LogSettings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("RECORDS", "FEEDBACK", "HANDOFFS", "CONTACTS", "REPORTS", "BUNDLES", "CORPORA"):
        monkeypatch.setenv(f"CHATBOT_RETENTION_{kind}_DAYS", "0")
    erased, delayed, later = (
        Record.of(REPLY, text, new_id(KEY, time.time() + seconds), session_id=SESSION)
        for text, seconds in (("where", -120), ("still there?", -60), ("a person", 60))
    )
    log_and_send(here, [erased])
    erasure.forget(store, SESSION, datetime.now(UTC))
    for one in (delayed, later):
        log_and_send(here, [one])
        store.put(key_of(one.prediction_id), handed_over(one, erased).body())
        queued = here.folder / "handoffs" / "webhook" / f"{one.prediction_id}.json"
        queued.parent.mkdir(parents=True, exist_ok=True)
        queued.write_bytes(handed_over(one, erased).body())
    for _ in range(2):
        [case] = HandoffReader(store).cases()
        assert [task.handoff.prediction_id for task in case.tasks] == [later.prediction_id]
        assert [turn.text for turn in case.turns] == ["a person"]
        assert not list(scan(store, Record, DAY, datetime.now(UTC) + timedelta(days=1))), (
            "the log has none of it"
        )
        local_files.sweep(here, StorageSettings())
        assert retention.main([]) == 0
        compact(store, datetime.now(UTC) + timedelta(days=9))
    assert [file.stem for file in queued.parent.iterdir()] == [later.prediction_id]
    assert erased.prediction_id.encode() not in store.get(key_of(later.prediction_id)) + queued.read_bytes()
    erasure.forget(store, SESSION, datetime.now(UTC))
    assert HandoffReader(store).cases() == []
    assert not list(store.list("handoffs/"))


def test_a_later_handoff_loses_the_turns_from_before_the_erasure_of_its_session_also_those_without_a_record(
    here: LogSettings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record of such a turn waits in its pod: the erasure does not know its prediction."""
    for kind in ("RECORDS", "FEEDBACK", "HANDOFFS", "CONTACTS", "REPORTS", "BUNDLES", "CORPORA"):
        monkeypatch.setenv(f"CHATBOT_RETENTION_{kind}_DAYS", "0")
    here.folder.mkdir()
    before, after, last, spooled = (
        Record.of(REPLY, text, new_id(KEY, time.time() + seconds), session_id=SESSION)
        for text, seconds in (("before", -60), ("after", 50), ("a person", 60), ("a person now", 70))
    )
    erasure.forget(store, SESSION, datetime.now(UTC))
    store.put(key_of(last.prediction_id), handed_over(last, before, after).body())
    queued = here.folder / "handoffs" / "webhook" / f"{last.prediction_id}.json"
    queued.parent.mkdir(parents=True)
    queued.write_bytes(handed_over(last, before, after).body())
    writer = SegmentWriter(here.folder / "handoffs", spool.HANDOFF, "", ".jsonl")
    writer.write([handed_over(spooled, before, after).body() + b"\n"])
    writer.seal()
    [case] = HandoffReader(store).cases()
    assert [turn.text for turn in case.turns] == ["after", "a person"]
    assert retention.main([]) == 0
    local_files.sweep(here, StorageSettings())
    expected = handed_over(last, after).body()
    assert store.get(key_of(last.prediction_id)) == expected
    assert queued.read_bytes() == expected
    [segment] = spool.segments(here.folder / "handoffs", spool.HANDOFF)
    assert segment.read_bytes().splitlines() == [handed_over(spooled, after).body()]
    kept = {entry.key: entry.etag for entry in store.list()}
    assert retention.main([]) == 0
    assert {entry.key: entry.etag for entry in store.list()} == kept, "again does no harm"


@pytest.mark.parametrize("by", ["id", "session"])
def test_handoffs_of_other_days_are_read_once_to_find_a_session_and_not_at_all_for_a_prediction(
    store: Store, by: str
) -> None:
    gone, other = make(1, SESSION)[0], "t" * 16
    before, same, following, later = (
        Record.of(REPLY, "where", new_id(KEY, DAY.timestamp() + days * 86_400 + 9), session_id=other)
        for days in (-1, 0, 1, 2)
    )
    for one in (gone, before, same, following, later):
        store.put(key_of(one.prediction_id), handed_over(one).body())
        store.put(contact.key_of(one.prediction_id), b"{}")
    store.put(f"reviews/{same.prediction_id}.json", b"{}")
    read: list[str] = []
    erasure.forget(overtaken(store, get=read.append), gone.prediction_id if by == "id" else SESSION, DAY)
    handoffs = [key for key in read if key.startswith("handoffs/")]
    near = [key_of(one.prediction_id) for one in (gone, same, following)]
    far = [key_of(one.prediction_id) for one in (before, later)]
    assert handoffs.count(far[0]) == handoffs.count(far[1]) == (by == "session")
    assert {handoffs.count(key) for key in near} == ({1} if by == "id" else {2})
    assert not [key for key in read if key.startswith("contacts/")]
    assert len(list(store.list("handoffs/"))) == len(list(store.list("contacts/"))) == 4


def test_a_decision_on_somebody_elses_message_stays_without_the_mention(
    here: LogSettings, store: Store
) -> None:
    gone, other, kept = ids(make(3))
    decision = {
        "item_id": kept,
        "message": "wo ist mein päckchen",
        "session_id": "",
        "duplicates": [gone, other],
    }
    store.put(f"reviews/{kept}.json", json.dumps(decision).encode())
    assert erasure.forget(store, gone, DAY).taken["reviews/"] == 1
    assert json.loads(store.get(f"reviews/{kept}.json")) == decision | {"duplicates": [other]}


def test_what_is_still_on_its_way_is_forgotten_too(here: LogSettings, store: Store) -> None:
    records = make(4)
    log = InferenceLog(here)
    log.append(records)
    seal(here.folder, log)
    assert command.main([records[0].prediction_id]) == 0
    assert ids_in_csv(here.folder) == ids(records[1:])
    assert records[1].prediction_id.encode() in bytes_of(store)
    assert records[0].prediction_id.encode() not in bytes_of(store)


def test_what_waits_is_sent_before_an_erasure_by_its_own_process_alone(
    here: LogSettings, store: Store
) -> None:
    records = make(2)
    log = InferenceLog(here, uploader=Waiting(here.folder))
    log.append(records[:1])
    log.drain()
    [due] = UploadQueue(here.folder).waiting()
    due.path.rename(due.path.with_name(due.path.name.replace(str(due.begun_ms), f"{1:013d}")))
    log.append(records[1:])
    seal(here.folder, log)
    local_files.send_first(here, StorageSettings())
    assert ids_in_csv(here.folder) == ids(records)
    assert all(one.encode() in bytes_of(store) for one in ids(records))
    assert UploadQueue(here.folder).waiting() == []


def test_a_row_in_a_compacted_part_is_taken_out_and_its_neighbours_stay(
    here: LogSettings, store: Store
) -> None:
    records = make(6)
    for start in (0, 3):
        log_and_send(here, records[start : start + 3])
    compact(store, datetime(2026, 3, 5, tzinfo=UTC))
    erasure.forget(store, records[1].prediction_id, DAY)
    assert records[1].prediction_id.encode() not in bytes_of(store)
    [entry] = parts_of(store, Record, DAY.date())
    assert [rows for _, rows in read_part(store, Record, entry.key).sources] == [2, 3]


def test_a_part_that_changes_meanwhile_is_looked_at_again(here: LogSettings, store: Store) -> None:
    records = make(6)
    for start in (0, 3):
        log_and_send(here, records[start : start + 3])

    done: list[str] = []

    def compact_first(key: str) -> None:
        """Come between reading a part and writing it anew."""
        if key.startswith("log/") and not done:
            done.append(key)
            compact(store, datetime(2026, 3, 5, tzinfo=UTC))
            store.put(key, b"somebody else's")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erasure, "mark_forgotten", lambda *_: None)
        erasure.forget(overtaken(store, put=compact_first), records[1].prediction_id, DAY)
    with pytest.raises(InvalidPart):
        bytes_of(store)  # the damaged part lies there and stops nobody
    [compacted] = [e for e in parts_of(store, Record, DAY.date()) if "compact-" in e.key]
    found = read_part(store, Record, compacted.key).table["prediction_id"].to_pylist()
    assert found == ids(records[:1] + records[2:])


def test_a_session_is_found_though_its_parts_are_compacted_while_they_are_read(store: Store) -> None:
    theirs = sent_in_two_parts(store)

    done: list[str] = []

    def compact_first(key: str) -> None:
        """Come between listing the parts and reading them."""
        if key.startswith("log/") and not done:
            done.append(key)
            compact(store, DAY + timedelta(days=2))

    assert erasure.forget(overtaken(store, get=compact_first), SESSION, DAY).ids == {SESSION, *ids(theirs)}
    assert not any(one.encode() in bytes_of(store) for one in ids(theirs))


def test_a_session_is_found_though_compaction_came_between_a_killed_erasure_and_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = sent_in_two_parts(store)
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "_predictions_of", broken)
        with pytest.raises(Unreachable):
            erasure.forget(store, SESSION, DAY)
    compact(store, DAY + timedelta(days=2))
    assert erasure.forget(store, SESSION, DAY).ids == {SESSION, *ids(theirs)}
    assert not any(one.encode() in bytes_of(store) for one in ids(theirs))


def sent_in_two_parts(store: Store) -> list[Record]:
    theirs = make(4, SESSION)
    for part in range(2):
        write_part(store, Record, DAY.date(), f"r{part}", theirs[part::2])
    write_part(
        store, Feedback, DAY.date(), "f", [Feedback.of(r.prediction_id, False, now=DAY) for r in theirs]
    )
    return theirs


@pytest.mark.parametrize("wrong", ["", "x", "../../etc", "0" * 33, "I" * 34])
def test_an_invalid_id_is_refused_and_leaves_no_tombstone(
    here: LogSettings, store: Store, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([wrong]) == 1
    assert "is not an id" in capsys.readouterr().err
    assert forgotten(store) == frozenset()


def test_an_unavailable_store_is_reported_and_the_csv_file_keeps_the_row(
    here: LogSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    records = make(2)
    log = InferenceLog(here)
    log.append(records)
    seal(here.folder, log)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CHATBOT_STORE_URL", str(tmp_path / "file" / "store"))
    assert command.main([records[0].prediction_id]) == 1
    assert "run this again" in capsys.readouterr().err
    assert len(list(read_log(here.folder))) == 2
    with pytest.raises(Unreachable):
        erasure.forget(open_store(StorageSettings()), records[0].prediction_id, DAY)


def test_a_pod_erases_from_its_own_csv_files_what_was_erased_in_the_store(
    here: LogSettings, store: Store
) -> None:
    records = make(3)
    log_and_send(here, records)
    gone, kept = records[0].prediction_id, ids(records[1:])
    erasure.forget(store, gone, DAY)  # on another machine
    assert gone in ids_in_csv(here.folder)
    assert local_files.sweep(here, StorageSettings()) == 2
    assert ids_in_csv(here.folder) == kept
    assert local_files.sweep(here, StorageSettings()) == 0
    erasure.forget(store, kept[0], DAY)
    assert local_files.sweep(here, StorageSettings()) == 2
    assert ids_in_csv(here.folder) == kept[1:]


def test_feedback_on_an_erased_prediction_is_erased_from_the_csv_files_too(
    here: LogSettings, store: Store
) -> None:
    records = make(3)
    log_and_send(here, records)
    erasure.forget(store, records[0].prediction_id, DAY)
    assert local_files.sweep(here, StorageSettings()) == 2
    log = InferenceLog(here, uploader=Waiting(here.folder))
    log.append_feedback(Feedback.of(records[0].prediction_id, False, comment="again", now=DAY))
    log.close()
    assert set(read_feedback(here.folder)) == set(ids(records))
    assert local_files.sweep(here, StorageSettings()) == 0, (
        "files are searched again after an hour, not at each upload"
    )
    an_hour_ago = time.time() - 3_601
    os.utime(here.folder / SWEPT, (an_hour_ago, an_hour_ago))
    assert local_files.sweep(here, StorageSettings()) == 1
    assert set(read_feedback(here.folder)) == set(ids(records[1:]))


def test_rows_that_a_pod_adopts_after_their_erasure_are_erased_from_its_csv_files_too(
    here: LogSettings, store: Store
) -> None:
    records = make(3)
    log_and_send(here, records[:1])
    for record in records[:2]:
        erasure.forget(store, record.prediction_id, DAY)
    assert local_files.sweep(here, StorageSettings()) == 2
    lost = LogSettings(folder=here.folder.parent / "lost")
    owner = Ownership(lost.folder)
    spooled = SegmentWriter(lost.folder, "inference_log", header(Record))
    spooled.write([to_line(record).encode() for record in records[1:]])
    spooled.abandon()
    owner.release()
    assert adopt(here.folder) == ["lost"]
    assert InferenceLog(here, uploader=Waiting(here.folder)).drain()
    assert ids_in_csv(here.folder) == ids(records[1:])
    assert local_files.sweep(here, StorageSettings()) == 1
    assert ids_in_csv(here.folder) == ids(records[2:])


def arrives(here: LogSettings, store: Store, records: list[Record]) -> None:
    """Records, feedback, handoffs, contact data and decisions reach the store."""
    log_and_send(here, records)
    for one in ids(records):
        store.put(f"handoffs/day=2026-03-01/{one}.json", b"{}")
        store.put(contact.key_of(one), b'{"kind": "text", "contact": "x", "when": "2026-03-01T00:00:00Z"}')
        store.put(f"reviews/{one}.json", b"{}")
        store.put(f"reviews/handoffs/{one}.json", b"{}")


@pytest.mark.parametrize("by", ["an erasure", "an hourly sweep"])
def test_what_killed_processes_were_writing_is_deleted_because_no_erasure_looks_into_it(
    here: LogSettings, store: Store, by: str
) -> None:
    log_and_send(here, make(1))
    folder = here.folder / "handoffs"
    drafts = [
        here.folder / ".inference_log.csv.0123abcd",
        here.folder / ".feedback-20260301T120000000Z.csv.0123abcd",
        folder / "webhook" / f".{new_id(KEY)}.json.0123abcd",
        folder / "spool" / ".handoff-1-2.jsonl.0123abcd",
    ]
    alive = folder / "webhook" / f".{new_id(KEY)}.json.89abcdef"
    an_hour_ago = time.time() - 3_601
    for file in (*drafts, alive):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        if file != alive:
            os.utime(file, (an_hour_ago, an_hour_ago))
    if by == "an erasure":
        local_files.forget_here(here, StorageSettings(), frozenset({new_id(KEY)}))
    else:
        (here.folder / SWEPT).touch()
        os.utime(here.folder / SWEPT, (an_hour_ago, an_hour_ago))
        local_files.sweep(here, StorageSettings())
    assert [file for file in drafts if file.exists()] == []
    assert alive.exists(), "somebody may be writing it"


@pytest.mark.parametrize("by", ["id", "session"])
@pytest.mark.parametrize("count", [1, 3], ids=["one process", "three shards"])
def test_what_arrives_after_its_erasure_is_erased_by_the_next_retention(
    here: LogSettings,
    store: Store,
    by: str,
    count: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for kind in ("RECORDS", "FEEDBACK", "HANDOFFS", "CONTACTS", "REPORTS", "BUNDLES", "CORPORA"):
        monkeypatch.setenv(f"CHATBOT_RETENTION_{kind}_DAYS", "0")
    theirs, others = make(1, SESSION), make(5)
    gone = theirs[0].prediction_id
    erasure.forget(store, gone if by == "id" else SESSION, DAY)
    arrives(here, store, theirs + others)
    assert gone.encode() in bytes_of(store)
    before = {entry.key: entry.etag for entry in store.list()}
    assert retention.main(["--dry-run"]) == 0
    assert {entry.key: entry.etag for entry in store.list()} == before
    assert f"would take handoffs/day=2026-03-01/{gone}.json" in capsys.readouterr().out or by == "session"
    for _ in range(2):  # a shard deletes in the next run what another has found in this one
        for index in range(count):
            assert retention.main(["--shard", f"{index}/{count}"]) == 0
    assert gone.encode() not in bytes_of(store)
    assert gone in forgotten(store)
    assert not [
        entry.key for entry in store.list() if gone in entry.key and not entry.key.startswith("forgotten/")
    ]
    for one in ids(others):
        assert len([entry for entry in store.list() if one in entry.key]) == 4
        assert one.encode() in bytes_of(store)
    kept = {entry.key: entry.etag for entry in store.list()}
    assert retention.main([]) == 0
    assert {entry.key: entry.etag for entry in store.list()} == kept, "again does no harm"


def test_parts_from_before_the_first_erasure_and_compacted_ones_are_not_read_for_late_rows(
    here: LogSettings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parts() -> set[str]:
        return {entry.key for entry in parts_of(store, Record, DAY.date())}

    records = make(6)
    log_and_send(here, records[:2])
    compact(store, DAY + timedelta(days=2))
    log_and_send(here, records[2:4])
    old = parts()
    for key in old:
        os.utime(here.folder.parent / "store" / key, (1, 1))
    erasure.forget(store, new_id(KEY, DAY.timestamp()), DAY)
    log_and_send(here, records[4:])
    read: list[str] = []

    def read_part_of(store: Store, kind: Kind, key: str, columns: list[str]) -> Part:
        read.append(key)
        return read_part(store, kind, key, columns)

    monkeypatch.setattr(late, "read_part", read_part_of)
    late.erase_late(store, read.append)
    assert {key for key in read if key.startswith("log/")} == parts() - old


def test_reports_are_rewritten_and_a_bundle_with_the_text_is_listed_with_its_date(
    here: LogSettings, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    record = replace(make(1)[0], query='say "a & b" to <NAME>')
    log_and_send(here, [record])
    store.put("reports/drift/latest.json", json.dumps({"m": [record.query, "hi"]}).encode())
    page = page_templates(here.folder).from_string("<li>{{ text }}</li>").render(text=record.query)
    store.put("reports/drift/x/drift.html", page.encode())
    store.put("bundles/abc/replies.yaml", f"examples: [{json.dumps(record.query)}]".encode())
    assert command.main([record.prediction_id]) == 0
    said = capsys.readouterr().out
    assert "2  reports/" in said
    expires = datetime.now(UTC) + timedelta(days=RetentionSettings().bundles_days)
    assert f"bundles/abc/replies.yaml expires on {expires:%Y-%m-%d}" in said
    assert "MLflow was not searched" in said
    assert json.loads(store.get("reports/drift/latest.json")) == {"m": ["<ERASED>", "hi"]}
    assert store.get("reports/drift/x/drift.html") == b"<li>&lt;ERASED&gt;</li>"


def test_a_text_is_replaced_in_every_form_in_which_a_file_has_it_and_a_longer_one_first(
    tmp_path: Path,
) -> None:
    text = 'my "Größe" & <size> isn\'t right'
    page = page_templates(tmp_path).from_string("{{ text }}").render(text=text)
    cell = text.replace('"', '""')
    for form in (
        text,
        json.dumps(text),
        json.dumps(text)[1:-1],
        html.escape(text),
        html.escape(text, False),
        page,
        cell,
    ):
        content = f"- {form} -".encode()
        assert ErasedTexts([text]).without(content) in (
            b"- <ERASED> -",
            b'- "<ERASED>" -',
            b"- &lt;ERASED&gt; -",
        )
    both = ErasedTexts(["where is my parcel", "where is my parcel from Ann"])
    assert both.without(b"where is my parcel from Ann") == b"<ERASED>"


def test_a_session_that_nobody_knows_is_an_error_because_its_id_may_be_mistyped(
    here: LogSettings, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    load_or_make_key(ServiceSettings(), here)
    assert command.main(["--session", "never sent"]) == 1
    assert "no prediction of that session is known" in capsys.readouterr().err


def test_a_log_that_a_killed_drain_left_half_written_is_mended_before_a_row_is_taken_out(
    here: LogSettings, store: Store
) -> None:
    """Rewritten first, the file would be another one than the segment's mark names, and the rows come twice."""
    gone, kept, late = make(3)
    log = InferenceLog(here, uploader=Waiting(here.folder))
    log.append([gone, kept])
    log.close()
    log.append([late])
    seal(here.folder, log)
    file = here.folder / "inference_log.csv"
    [segment] = spool.segments(here.folder, "inference_log")
    lines = segment.read_bytes().partition(b"\n")[2]
    spool.mark(segment, file.stat().st_ino, file.stat().st_size)
    with file.open("ab") as stream:
        stream.write(lines)
    assert local_files.forget_here(here, StorageSettings(), frozenset({gone.prediction_id})) == 1
    assert InferenceLog(here, uploader=Waiting(here.folder)).drain()
    assert ids_in_csv(here.folder) == ids([kept, late])


def test_a_rewritten_log_is_readable_by_its_group_and_loses_whole_cells_alone(
    here: LogSettings, store: Store
) -> None:
    log = InferenceLog(here, uploader=Waiting(here.folder))
    kept, gone = make(2)
    log.append([replace(kept, query=f"what is {gone.prediction_id}"), gone])
    log.close()
    assert local_files.forget_here(here, StorageSettings(), frozenset({gone.prediction_id})) == 1
    assert ids_in_csv(here.folder) == [kept.prediction_id]
    [file] = here.folder.glob("*.csv")
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_short_text_is_replaced_only_where_it_is_a_whole_value() -> None:
    texts = ErasedTexts(["refund"])
    content = b'["refund", "a refund"] <b>refund</b> refunded'
    assert texts.without(content) == b'["<ERASED>", "a refund"] <b>&lt;ERASED&gt;</b> refunded'


@pytest.mark.parametrize("compacted", [False, True])
def test_shards_together_erase_what_one_process_erases_also_after_a_kill(
    compacted: bool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, others = make(12, SESSION), make(12)
    for part in range(6):
        write_part(store, Record, DAY.date(), f"r{part}", theirs[part::6] + others[part::6])
        feedback = [Feedback.of(r.prediction_id, False, now=DAY) for r in theirs[part::6] + others[part::6]]
        write_part(store, Feedback, DAY.date(), f"f{part}", feedback)
    if compacted:
        for index in range(2):
            compact(store, DAY + timedelta(days=2), shard=Shard(index, 2))
    store.put(f"handoffs/day=2026-03-01/{theirs[0].prediction_id}.json", b"{}")
    lost = new_id(KEY, DAY.timestamp() + 100)  # of a record whose retention is over
    body = {"data": {"session_id": SESSION, "message": "where"}}
    store.put(f"handoffs/day=2026-03-01/{lost}.json", json.dumps(body).encode())
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "erase_copies", broken)
        with pytest.raises(Unreachable):
            erasure.forget(store, SESSION, DAY, shard=Shard(2, 3))
    done = [erasure.forget(store, SESSION, DAY, shard=Shard(index, 3)) for index in (2, 1, 0)]
    assert frozenset().union(*(one.ids for one in done)) == {SESSION, lost, *ids(theirs)}
    assert sum(one.taken.get("log/", 0) for one in done) == 12
    assert forgotten(store) == {SESSION, lost, *ids(theirs)}
    assert not any(one.encode() in bytes_of(store) for one in (SESSION, lost, *ids(theirs)))
    assert all(one.encode() in bytes_of(store) for one in ids(others))
    assert not list(store.list("handoffs/"))


def test_a_compaction_between_two_shards_leaves_nothing_behind(store: Store) -> None:
    theirs, others = make(12, SESSION), make(12)
    for part in range(6):
        rows = theirs[part::6] + others[part::6]
        write_part(store, Record, DAY.date(), f"r{part}", rows)
        write_part(
            store,
            Feedback,
            DAY.date(),
            f"f{part}",
            [Feedback.of(r.prediction_id, False, now=DAY) for r in rows],
        )
    for record in theirs:
        store.put(f"handoffs/day=2026-03-01/{record.prediction_id}.json", b"{}")
    first = erasure.forget(store, SESSION, DAY, shard=Shard(0, 3))
    left = set(ids(theirs)) - first.ids
    assert left
    compact(
        store, DAY + timedelta(days=2)
    )  # drops the rows of the other shards, which the erasure has not read
    done = [erasure.forget(store, SESSION, DAY, shard=Shard(index, 3)) for index in (1, 2)]
    assert frozenset().union(*(one.ids for one in done)) == {SESSION, *left}
    assert not any(one.encode() in bytes_of(store) for one in ids(theirs))
    assert all(one.encode() in bytes_of(store) for one in ids(others))
    assert not list(store.list("handoffs/"))


def broken(*_: object, **__: object) -> None:
    raise Unreachable("the store is down")


def test_samples_of_a_sharded_drift_check_lose_the_erased_message(store: Store) -> None:
    records = make(3)
    key = "reports/drift/shards/run/0of2.parquet"
    sink = pa.BufferOutputStream()
    table = pa.table({"prediction_id": ids(records), "query": ["a", "b", "c"]})
    pq.write_table(table.replace_schema_metadata({"counts": "{}"}), sink)
    store.put(key, bytes(sink.getvalue()))
    store.put("reports/drift/shards/run/plan.json", b"{}")
    assert erasure.forget(store, records[1].prediction_id, DAY).taken["reports/drift/shards/"] == 1
    kept = pq.read_table(pa.BufferReader(store.get(key)))
    assert kept["query"].to_pylist() == ["a", "c"]
    assert kept.schema.metadata == {b"counts": b"{}"}
