"""One document that cannot be delivered holds no other back, and closing leaves none in the spool."""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from pathlib import Path

import pytest

from chatbot.settings import HandoffSettings
from monitoring.handoffs import delivery
from monitoring.handoffs import log as handoffs
from monitoring.handoffs.delivery import Delivery
from monitoring.handoffs.log import HandoffLog
from monitoring.inference_log import spool
from tests.monitoring.handoff_tools import make
from tests.support.waiting import eventually


class FussyTarget:
    """Takes all documents, but raises ValueError for one name."""

    def __init__(self, refused: str = "") -> None:
        self.refused = refused
        self.taken: list[str] = []

    def send(self, name: str, body: bytes) -> None:
        if name == self.refused:
            raise ValueError(body)
        self.taken.append(name)

    def close(self) -> None:
        return


def counted_delivery(folder: Path, target: FussyTarget, counts: Counter[str]) -> Delivery:
    """Return a queue that adds its outcomes to the counts."""
    return Delivery(
        "store", folder, target, HandoffSettings(), lambda _, outcome, count: counts.update({outcome: count})
    )


def test_a_file_that_cannot_be_read_and_one_that_is_not_valid_hold_no_other_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target, counts = FussyTarget("b"), Counter[str]()
    queue = counted_delivery(tmp_path, target, counts)
    (tmp_path / "a.json").mkdir()
    queue.put_all(dict.fromkeys("bcd", b"Ada Lovelace"))
    queue.deliver()
    assert target.taken == ["c", "d"]
    assert counts == {"failed": 2, "delivered": 2}
    assert "a handoff (a) is not delivered to the store: Is a directory" in caplog.text
    assert "Ada" not in caplog.text
    queue.deliver()
    assert counts["failed"] == 2, "it is tried again after a pause"


def test_a_delivered_handoff_that_cannot_be_deleted_counts_as_delivered_and_is_sent_again_after_a_pause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    target, counts = FussyTarget(), Counter[str]()
    queue = counted_delivery(tmp_path, target, counts)
    queue.put_all({"a": b"{}"})
    monkeypatch.setattr(Path, "unlink", refuse)
    queue.deliver()
    queue.deliver()
    assert target.taken == ["a"]
    assert counts == {"delivered": 1}
    assert "a handoff (a) was delivered to the store and cannot be deleted" in caplog.text
    assert "Read-only file system" in caplog.text


class Shown:
    """A clock that the test advances, and what a log last reported."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waiting = 0
        self.oldest = 0.0

    def show(self, _to: str, waiting: int, oldest: float) -> None:
        self.oldest, self.waiting = oldest, waiting


def test_the_age_of_the_oldest_undelivered_handoff_is_reported(folder: Path) -> None:
    first, last = make(2)
    shown, target = Shown(), FussyTarget(first.prediction_id)
    log = HandoffLog(
        folder,
        HandoffSettings(retry_seconds=0.01),
        {"webhook": target},
        on_waiting=shown.show,
        clock=lambda: shown.now,
    )
    log.append([first, last])
    log.start()
    eventually(lambda: target.taken)
    shown.now += 2_000
    assert eventually(lambda: shown.oldest >= 2_000)
    target.refused = ""
    assert eventually(lambda: shown.oldest == 0.0)
    log.close()


def test_handoffs_that_cannot_be_sorted_age_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    shown, target = Shown(), FussyTarget()
    log = HandoffLog(
        folder, HandoffSettings(), {"webhook": target}, on_waiting=shown.show, clock=lambda: shown.now
    )
    log.append(make(1))
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "write_file", refuse)
        log.start()
        assert eventually(lambda: shown.waiting == 1)
        shown.now += 2_000
        assert eventually(lambda: shown.oldest == 2_000)
    assert eventually(lambda: shown.waiting == 0)
    assert shown.oldest == 0
    log.close()


def test_closing_waits_for_a_process_that_sorts(folder: Path) -> None:
    target = FussyTarget()
    log = HandoffLog(folder, HandoffSettings(), {"webhook": target})
    log.append(make(2))
    lock = folder / handoffs.FOLDER / spool.FOLDER / spool.LOCK
    lock.touch()
    descriptor = os.open(lock, os.O_RDWR)
    assert spool.try_lock(descriptor)
    release = threading.Timer(0.2, spool.unlock, [descriptor])
    release.start()
    log.close()
    release.join()
    assert len(target.taken) == 2
