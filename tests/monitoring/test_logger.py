"""What was logged is found again: in the CSV file, in files put aside, in the spool, by any reader."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from chatbot.records.schema import COLUMNS, Feedback, Record, header, to_line
from chatbot.settings import LogSettings
from monitoring.inference_log import csv_file, spool
from monitoring.inference_log import log as logger
from monitoring.inference_log.log import InferenceLog
from monitoring.inference_log.reader import read_feedback, read_log
from monitoring.inference_log.upload_queue import UploadQueue
from monitoring.inference_log.uploader import Uploader
from tests.monitoring.log_tools import CountedLog, Waiting, ids_in_csv, make, read_ids, seal
from tests.support.records import ids
from tests.support.waiting import eventually


def test_a_batch_is_one_write(log: InferenceLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append(make(1))
    writes: list[int] = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: writes.append(len(data)) or write(fd, data))
    log.append(make(64))
    assert len(writes) == 1


def test_the_csv_file_starts_with_the_contracts_columns_and_contains_what_was_logged(
    folder: Path, log: InferenceLog
) -> None:
    records = make(100)
    log.append(records[:50])
    assert log.drain()
    log.append(records[50:])
    assert log.drain()
    lines = (folder / "inference_log.csv").read_text().splitlines()
    assert lines[0].startswith("timestamp,query,intent,confidence,")
    assert len(lines) == 101
    assert list(read_log(folder)) == records
    assert spool.segments(folder, "inference_log") == []


def test_a_log_that_was_started_drains_itself(folder: Path, log: InferenceLog) -> None:
    records = make(10)
    for some in (records[:5], records[5:]):
        log.start()
        log.append(some)
        assert eventually(lambda some=some: ids_in_csv(folder)[-5:] == ids(some))
        log.close()


def test_closing_leaves_everything_in_the_csv_file(folder: Path, log: CountedLog) -> None:
    log.start()
    records = make(500)
    for record in records:
        log.append([record])
    log.close()
    assert ids_in_csv(folder) == ids(records)
    assert log.counts == {"written": 500}


def test_closing_waits_for_a_process_that_holds_the_lock_as_long_as_the_upload_may_take(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure in another process rewrites all CSV files meanwhile."""
    monkeypatch.setattr(logger, "CLOSE_SECONDS", 0.01)
    uploader = Waiting(folder)
    log = InferenceLog(LogSettings(folder=folder), uploader=uploader)
    log.append(make(3))
    (folder / spool.FOLDER / spool.LOCK).touch()
    descriptor = os.open(folder / spool.FOLDER / spool.LOCK, os.O_RDWR)
    assert spool.try_lock(descriptor)
    release = threading.Timer(0.3, spool.unlock, [descriptor])
    release.start()
    log.close()
    release.join()
    assert spool.segments(folder, "inference_log") == []
    assert [one.rows for one in UploadQueue(folder).waiting()] == [3]
    assert uploader.left is not None
    assert 0 < uploader.left < 60, "what is left of the minute is for the upload"


def test_segments_that_hold_nothing_do_no_harm(folder: Path, log: InferenceLog) -> None:
    (folder / spool.FOLDER).mkdir(parents=True)
    for number, content in enumerate(("", "timest", header(Record))):
        (folder / spool.FOLDER / f"inference_log-000000000000{number}-gone-1-000001.csv").write_text(content)
    assert read_ids(folder) == []
    assert log.drain()
    assert spool.segments(folder, "inference_log") == []
    assert not (folder / "inference_log.csv").exists()


def test_a_damaged_line_is_passed_over_and_named(folder: Path, log: InferenceLog) -> None:
    records = make(3)
    log.append(records)
    log.drain()
    with (folder / "inference_log.csv").open("ab") as stream:
        stream.write(b'nonsense\n\xff\xfe,"\n')
    skipped: list[tuple[str, int]] = []
    found = list(read_log(folder, lambda file, line, _: skipped.append((file.name, line))))
    assert found == records
    assert skipped == [("inference_log.csv", 5), ("inference_log.csv", 6)]


def test_the_csv_file_is_put_aside_by_size_and_the_newest_are_kept(folder: Path) -> None:
    log = InferenceLog(LogSettings(folder=folder, rotate_mb=1, keep=2))
    records = make(200, chars=30_000)
    for start in range(0, 200, 10):
        log.append(records[start : start + 10])
        assert log.drain()
    aside = csv_file.put_aside(folder / "inference_log.csv")
    assert len(aside) == 2
    assert all(1_000_000 < file.stat().st_size < 2_000_000 for file in aside)
    assert all(file.read_text().startswith("timestamp,query,intent,confidence,") for file in aside)
    kept = ids_in_csv(folder)
    assert kept == ids(records)[-len(kept) :]
    assert read_ids(folder) == kept


def test_a_clock_that_is_set_back_does_not_make_the_newest_file_the_oldest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = InferenceLog(LogSettings(folder=folder, rotate_mb=1, keep=2))
    records = make(200, chars=30_000)
    clock = datetime.now(UTC)

    class Backwards(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            nonlocal clock
            clock -= timedelta(hours=1)
            return clock

    monkeypatch.setattr(csv_file, "datetime", Backwards)
    monkeypatch.setattr(spool.time, "time", lambda: clock.timestamp())
    for start in range(0, 200, 10):
        log.append(records[start : start + 5])
        seal(folder, log)
        clock -= timedelta(hours=1)
        log.append(records[start + 5 : start + 10])
        assert log.drain()
    kept = ids_in_csv(folder)
    assert len(kept) > 60
    assert kept == ids(records)[-len(kept) :]


def test_a_file_of_other_columns_is_put_aside_and_still_read(folder: Path, log: InferenceLog) -> None:
    folder.mkdir()
    old = "timestamp,query,intent,confidence\n2024-05-01T10:00:00.000000,where is it,track_order,0.93\n"
    (folder / "inference_log.csv").write_text(old)
    records = make(2)
    log.append(records)
    assert log.drain()
    [aside] = csv_file.put_aside(folder / "inference_log.csv")
    assert aside.read_text() == old
    assert [record.intent for record in read_log(folder)] == ["track_order"] * 3
    assert list(read_log(folder))[1:] == records


def test_segments_of_other_code_go_into_a_file_of_their_own(folder: Path, log: InferenceLog) -> None:
    records = make(2)
    log.append(records)
    log.drain()
    newer = folder / spool.FOLDER / "inference_log-9999999999999-gone-1-000001.csv"
    newer.write_text(header(Record).replace("\n", ",mood\n") + to_line(make(1)[0]).replace("\n", ",good\n"))
    assert log.drain()
    assert len(csv_file.put_aside(folder / "inference_log.csv")) == 1
    assert (folder / "inference_log.csv").read_text().splitlines()[0] == ",".join((*COLUMNS, "mood"))
    assert len(list(read_log(folder))) == 3


def test_the_same_prediction_s_feedback_again_replaces(folder: Path, log: CountedLog) -> None:
    one, other = ids(make(2))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    later = InferenceLog(LogSettings(folder=folder))
    later.append_feedback(Feedback.of(one, False, "get_refund", "no", now + timedelta(seconds=2)))
    log.append_feedback(Feedback.of(one, True, now=now))
    log.append_feedback(Feedback.of(other, True, comment="thanks, john@example.com", now=now))
    for drained in (False, True):
        if drained:
            assert later.drain()
            assert log.drain()
        found = read_feedback(folder)
        assert {made_id: found[made_id].helpful for made_id in found} == {one: False, other: True}
        assert found[one].intent == "get_refund"
        assert found[other].comment == "thanks, <EMAIL>"
    assert (folder / "feedback.csv").read_text().startswith("timestamp,prediction_id,helpful,")
    assert not log.counts, "feedback is not counted as records"


def test_reading_goes_on_while_the_log_is_written_drained_and_put_aside(folder: Path) -> None:
    log = InferenceLog(LogSettings(folder=folder, rotate_mb=1, keep=1))
    records = make(120, chars=30_000)
    log.append(records[:10])
    log.drain()
    log.append(records[10:20])
    reading = read_log(folder)
    found = [next(reading) for _ in range(10)]
    for start in range(20, 120, 10):
        log.append(records[start : start + 10])
        log.drain()
    assert len(csv_file.put_aside(folder / "inference_log.csv")) == 1
    assert [*found, *reading] == records[:20]


def test_a_log_that_does_not_exist_is_an_empty_one(tmp_path: Path) -> None:
    assert list(read_log(tmp_path / "nowhere")) == []
    assert read_feedback(tmp_path / "nowhere") == {}
    assert not (tmp_path / "nowhere").exists()


def test_two_drains_at_once_are_one(folder: Path, log: InferenceLog) -> None:
    log.append(make(2))
    with spool.folder_lock(folder) as alone:
        assert alone
        assert not log.drain()
        assert ids_in_csv(folder) == []
    assert log.drain()
    assert len(ids_in_csv(folder)) == 2


def test_a_stop_that_does_not_get_the_lock_leaves_half_of_its_time_to_the_upload(folder: Path) -> None:
    """What is queued already is lost with the pod's volume, too."""

    class WaitingUploader:
        close_seconds = 1.0
        left = 0.0

        def take(self, _segment: Path) -> None: ...
        def tend(self, _alone: bool) -> None: ...

        def close(self, seconds: float) -> None:
            self.left = seconds

    uploader = WaitingUploader()
    log = InferenceLog(LogSettings(folder=folder), uploader=cast("Uploader", uploader))
    log.append(make(1))
    with spool.folder_lock(folder) as alone:
        assert alone
        log.close()
    assert 0 < uploader.left <= 0.5


def test_a_bad_row_or_counter_raises_no_error_in_the_caller(folder: Path) -> None:
    counts: Counter[str] = Counter()

    def fail(name: str, count: int) -> None:
        counts[name] += count
        raise RuntimeError("no such metric")

    log = InferenceLog(LogSettings(folder=folder), fail)
    good = make(1)
    log.append([None, *good])  # type: ignore[list-item]
    assert ids(list(read_log(folder))) == ids(good)
    assert counts == {"written": 1, "dropped": 1}


def test_half_an_emoji_is_written_as_something_readable(folder: Path, log: InferenceLog) -> None:
    log.append([Record(datetime.now(UTC), "half an emoji \ud83d", "x", 0.5)])
    assert [record.query for record in read_log(folder)] == ["half an emoji ?"]


def test_logging_a_record_costs_a_small_part_of_an_answer(log: InferenceLog) -> None:
    records = make(1)
    best = float("inf")
    for _ in range(20):
        began = time.process_time()
        for _ in range(100):
            log.append(records)
        best = min(best, (time.process_time() - began) / 100)
    assert best < 100e-6
