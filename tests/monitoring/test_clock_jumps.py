"""The system clock jumps by years and is corrected: nothing is given up, and nothing stays misdated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chatbot.settings import HandoffSettings
from monitoring.handoffs.delivery import Delivery, NotDelivered
from monitoring.inference_log import spool
from monitoring.inference_log.spool import SegmentWriter
from tests.monitoring.handoff_tools import make
from tests.monitoring.log_tools import ROOT

YEARS = 3 * 365 * 86_400.0


class Unavailable:
    """A target that accepts nothing."""

    def send(self, name: str, body: bytes) -> None:
        raise NotDelivered("it is down", everything=True)

    def close(self) -> None:
        return


class Clocks:
    """A monotonic clock that the test advances, and what a delivery counted."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.dropped = 0

    def count(self, target: str, outcome: str, number: int) -> None:
        self.dropped += number if outcome == "dropped" else 0

    def delivery(self, folder: Path, hours: float = 72) -> Delivery:
        return Delivery(
            "store", folder, Unavailable(), HandoffSettings(max_age_hours=hours, queue_mb=1), self.count,
            clock=lambda: self.now,
        )  # fmt: skip


def test_a_handoff_is_not_given_up_because_its_id_is_years_old_by_a_wrong_clock(tmp_path: Path) -> None:
    clocks = Clocks()
    delivery = clocks.delivery(tmp_path)
    for handoff in (*make(1, time.time() - YEARS), *make(1, time.time() + YEARS)):
        delivery.put_all({handoff.prediction_id: b"{}"})
    delivery.deliver()
    clocks.now += 71 * 3600
    delivery.deliver()
    assert (len(delivery.waiting()), clocks.dropped) == (2, 0)
    clocks.now += 3601
    delivery.deliver()
    assert (len(delivery.waiting()), clocks.dropped) == (0, 2)


def test_the_age_of_a_handoff_outlives_a_restart_and_a_reboot(tmp_path: Path) -> None:
    clocks = Clocks()
    first = clocks.delivery(tmp_path)
    first.put_all({"one": b"{}"})
    first.deliver()
    clocks.now += 40 * 3600
    first.deliver()
    first.close(0.1)
    clocks.now = 3.0  # a machine that was started anew counts from zero
    second = clocks.delivery(tmp_path)
    second.deliver()
    clocks.now += 31 * 3600
    second.deliver()
    assert clocks.dropped == 0
    clocks.now += 2 * 3600
    second.deliver()
    assert clocks.dropped == 1


@pytest.mark.parametrize("content", ["", "[]", '{"one": "x"}', '{"one": null}'])
def test_damaged_ages_only_make_handoffs_younger(tmp_path: Path, content: str) -> None:
    clocks = Clocks()
    delivery = clocks.delivery(tmp_path)
    delivery.put_all({"one": b"{}"})
    (tmp_path / ".ages").write_text(content)
    delivery.deliver()
    assert len(delivery.waiting()) == 1


def test_segments_follow_a_corrected_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [time.time()]
    monkeypatch.setattr(spool.time, "time", lambda: now[0])
    writer = SegmentWriter(tmp_path, "inference_log", "a\n")
    for jump in (YEARS, -YEARS):
        now[0] += jump
        writer.write([b"1\n"])
        writer.seal()
        (segment,) = spool.segments(tmp_path, "inference_log")
        assert abs(int(segment.name.split("-")[1]) / 1000 - now[0]) < 1
        segment.unlink()  # drained


SERVICE = """
import json, sys, time
from datetime import datetime, UTC
from pathlib import Path
from chatbot.records.schema import Record
from chatbot.ids import new_id
from chatbot.settings import HandoffSettings, LogSettings
from monitoring.handoffs.log import HandoffLog
from monitoring.inference_log.log import InferenceLog
from monitoring.inference_log.reader import read_log
from tests.monitoring.handoff_tools import make as make_handoffs
from tests.monitoring.log_tools import KEY, REPLY
from tests.monitoring.test_clock_jumps import Unavailable

folder = Path(sys.argv[1])
outcomes = []
log = InferenceLog(LogSettings(folder=folder))
handoffs = HandoffLog(folder, HandoffSettings(), {"store": Unavailable()}, lambda *told: outcomes.append(told[1]))
for line in sys.stdin:
    log.append([Record.of(REPLY, "hello", new_id(KEY)) for _ in range(50)])
    handoffs.append(make_handoffs(2))
    log.drain()
    handoffs.sort()
    for delivery in handoffs._deliveries:
        delivery.deliver()
    rows = list(read_log(folder))
    print(json.dumps({
        "clock": time.time(),
        "newest": max(row.timestamp for row in rows[-50:]).timestamp(),
        "ids": len({row.prediction_id for row in rows}), "rows": len(rows),
        "dropped": outcomes.count("dropped"),
        "waiting": sum(len(delivery.waiting()) for delivery in handoffs._deliveries),
    }), flush=True)
"""


@pytest.mark.process
@pytest.mark.needs("faketime")
def test_a_process_whose_real_clock_jumps_by_years_and_back(tmp_path: Path) -> None:
    """libfaketime changes what the operating system tells the process; only its monotonic clock stays."""
    offset = tmp_path / "offset"
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    environment = os.environ | {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }

    def say(seconds: str, turn: Callable[[], None]) -> dict[str, float]:
        offset.write_text(seconds)
        turn()
        assert process.stdout is not None
        return dict(json.loads(process.stdout.readline()))

    def turn() -> None:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    offset.write_text("+0")
    with subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(tmp_path / "log")],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        told = [say(seconds, turn) for seconds in ("+0", "+1100d", "+0", "-400d", "+0")]
        assert process.stdin is not None
        process.stdin.close()
    days = [round((one["clock"] - time.time()) / 86_400) for one in told]
    assert days == [0, 1100, 0, -400, 0], "the clock jumped"
    for one in told:
        assert abs(one["newest"] - one["clock"]) < 60, "rows are dated by the corrected clock"
    assert [one["ids"] for one in told] == [one["rows"] for one in told] == [50, 100, 150, 200, 250]
    assert [one["dropped"] for one in told] == [0] * 5
    assert told[-1]["waiting"] == 10
