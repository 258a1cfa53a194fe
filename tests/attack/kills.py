"""Kill every process of the service under load: each answered id has exactly one row, and the service recovers."""

from __future__ import annotations

import contextlib
import time

import psutil

from tests.attack.report import require
from tests.attack.target import Target
from tests.bento.server import Load, lost, under_load

MESSAGES = 300


def check(target: Target) -> str:
    """Kill HTTP and runner workers in turn, then the main process."""
    answered, killed = 0, 0
    for turn in range(target.scale.kills):
        for name in ("IntentRunner", "SupportChatbot"):
            load = under_load(
                target.server, _messages(f"{name} {turn}"), lambda name=name: _kill(target, name)
            )
            killed += 1
            answered += _require_rows(target, load, name)
            require(target.survives(), f"the service did not recover from the death of {name}")
    load = under_load(target.server, _messages("main"), lambda: _kill_all(target))
    answered += _require_rows(target, load, "all processes")
    require(answered, "nothing was answered under load")
    target.server.start()
    require(not lost(target.server, load), "rows were lost or doubled by the restart")
    return f"{killed} workers and then all processes were killed under load: {answered} answered ids, {answered} rows"


def _require_rows(target: Target, load: Load, name: str) -> int:
    missing = lost(target.server, load)
    require(
        not missing,
        f"{len(missing)} of {len(load.answers)} answered ids have not one row after {name} was killed",
    )
    return len(load.answers)


def _messages(title: str) -> list[str]:
    return [f"can I return the parcel {number} of {title}" for number in range(MESSAGES)]


def _kill(target: Target, name: str) -> None:
    for worker in target.server.workers(name)[:1]:
        worker.kill()


def _kill_all(target: Target) -> None:
    """SIGKILL for the main process and all that it started, by id."""
    time.sleep(1)  # for some answers
    process = target.server.process
    assert process is not None
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    process.wait(10)
    psutil.wait_procs(children, timeout=10)
