"""The drift check's clock where there is no CronJob: one run at a time, stopped with its run, honest about failures."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitoring import schedule
from tests.support.waiting import eventually

pytestmark = pytest.mark.process


def start(tmp_path: Path, seconds: float, *command: str, before: str = "") -> subprocess.Popen[bytes]:
    state = tmp_path / "state.json"
    script = before + (
        "import sys; from pathlib import Path; from monitoring import schedule; "
        f"schedule.run({seconds}, sys.argv[1:], Path({str(state)!r}), again=0.2)"
    )
    return subprocess.Popen([sys.executable, "-c", script, *command], cwd=Path(schedule.__file__).parents[1])


def test_a_command_runs_at_once_and_again_after_the_interval(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    clock = start(tmp_path, 0.5, "sh", "-c", f"echo x >> {runs}")
    try:
        eventually(lambda: runs.exists() and len(runs.read_text().split()) >= 3)
    finally:
        clock.terminate()
        assert clock.wait(5) == 0


def test_what_failed_is_tried_again_before_its_time(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    clock = start(tmp_path, 600, "sh", "-c", f"echo x >> {runs}; [ $(wc -l < {runs}) -ge 3 ]")
    try:
        eventually(lambda: runs.exists() and len(runs.read_text().split()) == 3)
        time.sleep(0.6)
        assert len(runs.read_text().split()) == 3
    finally:
        clock.terminate()
        clock.wait(5)


def test_two_runs_never_overlap(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    clock = start(tmp_path, 0.01, "sh", "-c", f"echo begin >> {runs}; sleep 0.2; echo end >> {runs}")
    try:
        eventually(lambda: runs.exists() and runs.read_text().count("end") >= 3)
    finally:
        clock.terminate()
        clock.wait(5)
    said = runs.read_text().split()[:6]
    assert said == ["begin", "end"] * 3


def test_a_stop_stops_the_run_under_way(tmp_path: Path) -> None:
    told = tmp_path / "told"
    begun = tmp_path / "begun"
    script = f"trap 'echo yes > {told}; exit 0' TERM; touch {begun}; while true; do sleep 0.05; done"
    clock = start(tmp_path, 60, "sh", "-c", script)
    eventually(begun.exists)
    clock.send_signal(signal.SIGTERM)
    assert clock.wait(10) == 0
    assert told.read_text().strip() == "yes"


def test_a_stop_while_the_command_starts_reaches_it(tmp_path: Path) -> None:
    slow = (
        "import subprocess, time\n"
        "class Slow(subprocess.Popen):\n"
        "    def __init__(self, *given, **named):\n"
        "        super().__init__(*given, **named)\n"
        "        time.sleep(0.5)\n"
        "subprocess.Popen = Slow\n"
    )
    told, begun = tmp_path / "told", tmp_path / "begun"
    script = f"trap 'echo yes > {told}; exit 0' TERM; touch {begun}; while true; do sleep 0.05; done"
    clock = start(tmp_path, 60, "sh", "-c", script, before=slow)
    eventually(begun.exists)
    clock.send_signal(signal.SIGTERM)
    assert clock.wait(10) == 0
    assert told.read_text().strip() == "yes"


def test_a_stop_reaches_the_command_that_a_shell_runs_and_waits_until_it_has_ended(tmp_path: Path) -> None:
    """A shell does not forward SIGTERM, and ends at once: in a container its command would then be killed."""
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    command = f"trap 'sleep 0.5; touch {ended}; exit 0' TERM; touch {begun}; while true; do sleep 0.05; done"
    clock = start(tmp_path, 60, "sh", "-euc", f'sh -c "{command}"; touch {tmp_path}/next')
    eventually(begun.exists)
    clock.send_signal(signal.SIGTERM)
    assert clock.wait(10) == 0
    assert ended.exists()
    assert not (tmp_path / "next").exists()


def test_the_check_says_what_is_wrong(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    assert schedule.check(state) == ""
    clock = start(tmp_path, 60, "sh", "-c", "exit 3")
    try:
        eventually(state.is_file)
    finally:
        clock.terminate()
        clock.wait(5)
    assert schedule.check(state) == "the last run ended with exit code 3"
    state.unlink()
    clock = start(tmp_path, 60, "true")
    try:
        eventually(state.is_file)
    finally:
        clock.terminate()
        clock.wait(5)
    ended = json.loads(state.read_text())["ended"]
    assert abs(time.monotonic() - ended) < 60, "no jump of the system clock makes a run late"
    assert schedule.check(state, now=ended + 50) == ""
    assert "one is due every 60 s" in schedule.check(state, now=ended + 60 + 3_601)


@pytest.mark.parametrize(
    "arguments", [[], ["60"], ["60", "--"], ["never", "--", "true"], ["-1", "--", "true"]]
)
def test_a_command_line_that_cannot_be_meant_is_refused(arguments: list[str]) -> None:
    assert schedule.main(arguments) == 2
