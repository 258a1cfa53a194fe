"""One document that cannot be delivered holds no other back, and closing leaves none in the spool; without processes."""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path

import pytest

from chatbot.settings import HandoffSettings
from monitoring.handoffs import log as handoffs
from monitoring.handoffs.delivery import Delivery
from monitoring.handoffs.log import HandoffLog
from monitoring.inference_log import spool
from tests.monitoring.handoff_tools import make


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


def test_a_file_that_cannot_be_read_and_one_that_is_not_valid_hold_no_other_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target, counts = FussyTarget("b"), Counter[str]()
    delivery = Delivery(
        "store", tmp_path, target, HandoffSettings(), lambda _, outcome, count: counts.update({outcome: count})
    )
    (tmp_path / "a.json").mkdir()
    delivery.put_all(dict.fromkeys("bcd", b"Ada Lovelace"))
    delivery.deliver()
    assert target.taken == ["c", "d"]
    assert counts == {"failed": 2, "delivered": 2}
    assert "a" in caplog.text
    assert "Ada" not in caplog.text
    delivery.deliver()
    assert counts["failed"] == 2, "it is tried again after a pause"


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
