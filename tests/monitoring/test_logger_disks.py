"""Disks that are full, read-only or gone stop no answer, and what that costs is counted."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from chatbot.records.schema import Feedback
from chatbot.settings import LogSettings
from monitoring.inference_log import spool
from monitoring.inference_log.log import InferenceLog, RowCounts
from monitoring.inference_log.reader import read_feedback, read_log
from tests.monitoring.log_tools import ids, ids_in_csv, make, read_ids


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def test_a_record_is_on_the_way_to_disk_when_append_returns(folder: Path, log: InferenceLog) -> None:
    records = make(3)
    log.append(records)
    assert list(read_log(folder)) == records
    assert log.counts == RowCounts(written=3)


def test_a_full_disk_stops_no_answer_and_what_waited_is_written_when_there_is_room(small_disk: Path) -> None:
    log = InferenceLog(LogSettings(folder=small_disk / "log"))
    records = make(1_000)
    for record in records:
        log.append([record])
    assert log.counts.spooled > 500
    assert log.counts.written + log.counts.spooled == 1_000
    remount(small_disk, "size=4m")
    assert log.drain()
    assert ids_in_csv(small_disk / "log") == ids(records)
    assert log.counts.written == 1_000
    assert log.counts.dropped == 0


def test_a_batch_that_fits_only_in_part_is_neither_lost_nor_doubled_nor_torn(small_disk: Path) -> None:
    log = InferenceLog(LogSettings(folder=small_disk / "log"))
    records = make(1_000)
    for start in range(0, 1_000, 50):
        log.append(records[start : start + 50])
    [segment] = spool.segments(small_disk / "log", "inference_log")
    assert segment.read_bytes().endswith(b"\n")
    assert 50 < log.counts.written < 1_000
    remount(small_disk, "size=4m")
    assert log.drain()
    assert ids_in_csv(small_disk / "log") == ids(records)


def test_on_a_disk_that_stays_full_the_oldest_waiting_are_dropped_and_counted(small_disk: Path) -> None:
    told: Counter[str] = Counter()
    log = InferenceLog(
        LogSettings(folder=small_disk / "log", memory_mb=1), lambda name, count: told.update({name: count})
    )
    records = make(8_000)
    for start in range(0, 8_000, 10):
        log.append(records[start : start + 10])
    written, dropped = log.counts.written, log.counts.dropped
    assert dropped > 1_000
    remount(small_disk, "size=8m")
    assert log.drain()
    left = [*records[:written], *records[written + dropped :]]
    assert ids_in_csv(small_disk / "log") == ids(left)
    assert log.counts.written + log.counts.dropped == 8_000
    assert told == {name: getattr(log.counts, name) for name in ("written", "spooled", "dropped")}


def test_a_disk_that_fills_up_under_a_drain_leaves_no_half_segment_in_the_file(small_disk: Path) -> None:
    log = InferenceLog(LogSettings(folder=small_disk / "log"))
    first, second = make(60), make(60)
    log.append(first)
    assert log.drain()
    log.append(second)
    _fill(small_disk, leave=8_192)
    assert not log.drain()
    assert ids_in_csv(small_disk / "log") == ids(first)
    assert read_ids(small_disk / "log") == ids(first + second)
    remount(small_disk, "size=1m")
    assert log.drain()
    assert ids_in_csv(small_disk / "log") == ids(first + second)


def _fill(disk: Path, leave: int) -> None:
    """Take all room of the disk but some."""
    status = os.statvfs(disk)
    with (disk / "other").open("wb") as stream:
        stream.write(b"x" * (status.f_bavail * status.f_bsize - leave))


def test_what_no_disk_took_by_the_end_is_counted_as_dropped(small_disk: Path) -> None:
    log = InferenceLog(LogSettings(folder=small_disk / "log"))
    log.append(make(1_000))
    log.close()
    assert log.counts.dropped > 50
    assert log.counts.written + log.counts.dropped == 1_000


def test_a_folder_that_becomes_read_only_stops_no_answer(small_disk: Path) -> None:
    log = InferenceLog(LogSettings(folder=small_disk / "log"))
    log.append(make(1))
    log.drain()
    remount(small_disk, "ro")
    records = make(20)
    log.append(records)
    assert not log.drain()
    assert log.counts == RowCounts(written=1, spooled=20)
    assert len(read_ids(small_disk / "log")) == 1, "a reader needs no right to write"
    remount(small_disk, "rw")
    assert log.drain()
    assert ids_in_csv(small_disk / "log")[1:] == ids(records)


def test_a_folder_that_cannot_be_made_stops_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    log = InferenceLog(LogSettings(folder=tmp_path / "file" / "log"))
    log.start()
    records = make(3)
    log.append(records)
    log.append_feedback(Feedback.of(records[0].prediction_id, True))
    assert log.counts == RowCounts(spooled=3)
    (tmp_path / "file").unlink()
    assert log.drain(wait=5) or log.drain(wait=5)
    assert ids_in_csv(tmp_path / "file" / "log") == ids(records)
    assert list(read_feedback(tmp_path / "file" / "log")) == ids(records[:1])
    log.close()


def test_a_folder_that_is_deleted_under_the_log_is_made_again(folder: Path, log: InferenceLog) -> None:
    log.append(make(1))
    shutil.rmtree(folder)
    records = make(2)
    log.append(records)
    log.drain()
    assert ids_in_csv(folder) == ids(records)


def test_while_the_disk_takes_nothing_an_answer_does_not_wait_for_it(
    log: InferenceLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def refuse(*_: object) -> int:
        calls.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)
    for record in make(500):
        log.append([record])
    assert len(calls) < 50, "a disk that was full just now is not asked at every answer"
    assert log.counts.spooled == 500


def test_what_cannot_be_drained_is_kept_up_to_a_limit_and_the_oldest_goes_first(folder: Path) -> None:
    told: Counter[str] = Counter()
    log = InferenceLog(LogSettings(folder=folder, spool_mb=1), lambda name, count: told.update({name: count}))
    (folder / "inference_log.csv").mkdir(parents=True)
    records = make(120, chars=30_000)
    for start in range(0, 120, 10):
        log.append(records[start : start + 10])
        assert not log.drain()
    waiting = sum(file.stat().st_size for file in (folder / spool.FOLDER).iterdir())
    assert 500_000 < waiting <= 1_000_000
    (folder / "inference_log.csv").rmdir()
    assert log.drain()
    assert told["dropped"] == log.counts.dropped > 50
    assert ids_in_csv(folder) == ids(records[log.counts.dropped :])


def test_making_a_log_touches_no_disk_and_closing_twice_does_no_harm(folder: Path, log: InferenceLog) -> None:
    assert not folder.exists()
    log.start()
    log.start()
    log.close()
    log.append(make(1))
    log.close()
    assert len(ids_in_csv(folder)) == 1
