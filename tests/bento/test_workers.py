"""Forked workers: the pause in a crash loop, and what `bento.lifecycle.workers` needs of BentoML and circus."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Iterator
from typing import Any

import psutil
import pytest
from _bentoml_impl.server import serving
from _bentoml_impl.worker.service import main as worker_command
from bentoml._internal.utils import circus as bentoml_circus
from circus import arbiter, controller, process, watcher
from circus.exc import ConflictError

from bento.lifecycle.workers import Backoff, ForkedWorker, watchful

ADAPT = "changed: adapt bento/lifecycle/workers.py"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_worker_that_dies_is_replaced_at_once(clock: Clock) -> None:
    backoff = Backoff(clock)
    assert backoff.seconds() == 0
    for _ in range(20):
        backoff.note(age=11)
        assert backoff.seconds() == 0


def test_the_pause_doubles_while_workers_die_at_their_start_up_to_ten_seconds(clock: Clock) -> None:
    backoff = Backoff(clock)
    pauses = []
    for _ in range(7):
        clock.now += backoff.seconds()
        pauses.append(backoff.seconds())
        backoff.note(age=0.4)
    assert pauses == [0, 0.5, 1, 2, 4, 8, 10]


def test_a_crash_loop_does_not_become_fast_again_and_is_forgotten_a_minute_after_its_end(
    clock: Clock,
) -> None:
    backoff = Backoff(clock)
    for _ in range(60):
        clock.now += backoff.seconds()
        backoff.note(age=0.4)
    assert backoff.seconds() >= 8
    clock.now += 60
    assert backoff.seconds() == 0


def test_bentoml_starts_its_workers_with_their_service_in_the_command_line() -> None:
    assert "--service-name" in {name for option in worker_command.params for name in option.opts}, (
        f"the command line of BentoML's workers {ADAPT}"
    )
    for starts in (serving.serve_http, serving.create_dependency_watcher):
        assert '"--service-name",' in inspect.getsource(starts), f"how BentoML starts its workers {ADAPT}"


def test_circus_starts_a_process_and_asks_its_arbiter_for_dead_ones_as_the_fork_expects() -> None:
    spawn = inspect.getsource(process.Process.spawn)
    assert "Popen(args, cwd=self.working_dir," in spawn, f"how circus starts a process {ADAPT}"
    assert "preexec_fn=preexec_fn," in spawn, f"how circus starts a process {ADAPT}"
    assert "env=self.env" in spawn, f"how circus starts a process {ADAPT}"
    made = inspect.getsource(bentoml_circus.create_standalone_arbiter)
    assert "else Arbiter" in made, f"how BentoML makes its arbiter {ADAPT}"
    assert "self.reap_processes()" in inspect.getsource(arbiter.Arbiter.manage_watchers), (
        f"circus's check of its workers {ADAPT}"
    )
    assert "self.processes.pop(pid)" in inspect.getsource(watcher.Watcher.reap_process), (
        f"what circus does with a dead process {ADAPT}"
    )
    assert "CHLD" not in inspect.getsource(controller.SysHandler), f"the signals that circus handles {ADAPT}"


@pytest.fixture
def child_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, before)


class Busy:
    """An arbiter that runs one command at a time, as circus's does."""

    def __init__(self) -> None:
        self._exclusive_running_command: str | None = "manage_watchers"
        self.stops = 0

    def finish(self) -> None:
        """End the command that runs."""
        self._exclusive_running_command = None

    def stop(self) -> Awaitable[None]:
        if self._exclusive_running_command is not None:
            raise ConflictError
        self.stops += 1
        return asyncio.sleep(0)

    def reload(self) -> None:
        raise AssertionError


@pytest.mark.usefixtures("child_signals")
def test_a_stop_during_the_replacement_of_a_worker_is_carried_out_after_it() -> None:
    async def stopped() -> tuple[int, int]:
        arbiter: Any = watchful(Busy)()
        waiting = arbiter.stop()
        await asyncio.sleep(0.1)
        before = arbiter.stops
        arbiter.finish()
        await asyncio.wait_for(waiting, 5)
        return before, arbiter.stops

    assert asyncio.run(stopped()) == (0, 1)


@pytest.mark.usefixtures("child_signals")
def test_a_hangup_starts_no_second_set_of_workers() -> None:
    arbiter: Any = watchful(Busy)()
    assert arbiter.reload() is None


@pytest.mark.process
def test_a_worker_that_is_stopped_while_it_forks_ends() -> None:
    """The handler of the parent, which only notes the signal, must not run in the fork."""
    noted: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: noted.append(number))
    try:
        worker = ForkedWorker([], cwd="/", env={}, preexec_fn=lambda: time.sleep(60))
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait(10) == -signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)
    assert noted == []


FORKS = {
    "worker": "from bento.lifecycle.workers import ForkedWorker as F; F([], cwd='.', env={}, preexec_fn=begin)",
    "preflight check": "from bento.lifecycle.preflight import PreflightCheck as F; F(begin)",
}


@pytest.mark.process
@pytest.mark.parametrize("fork", FORKS.values(), ids=list(FORKS))
def test_a_fork_whose_server_is_killed_in_its_first_moments_ends(fork: str) -> None:
    begin = "lambda: (os.write(1, b'%d\\n' % os.getpid()), time.sleep(60))"
    code = f"import os, time; begin = {begin}; {fork}; begin()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        pids = {int(server.stdout.readline()), int(server.stdout.readline())} - {server.pid}
        server.kill()
    (forked,) = pids
    until = time.monotonic() + 10
    while (is_left := _is_running(forked)) and time.monotonic() < until:
        time.sleep(0.01)
    if is_left:
        os.kill(forked, signal.SIGKILL)
    assert not is_left


def _is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
