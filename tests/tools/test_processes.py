"""Programs of the project as child processes: their environment, their output, and the order in which they stop."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tools.processes import Processes, StepError, clean_environment, tail, wait_until


class Child:
    """A process that ends when it is asked to, or only when it is killed; remembers what happened to all."""

    happened: list[str]

    def __init__(self, name: str, is_stubborn: bool = False) -> None:
        self.name, self.is_stubborn, self.pid, self.returncode = name, is_stubborn, 2**30, None

    def poll(self) -> int | None:
        return self.returncode

    def terminate(self) -> None:
        self.happened.append(f"TERM {self.name}")

    def wait(self, timeout: float | None = None) -> int:
        if self.is_stubborn and timeout is not None:
            raise subprocess.TimeoutExpired(self.name, timeout)
        return 0


def test_programs_run_with_the_defaults_of_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("CHATBOT_PORT", "BENTOML_PORT", "BASELINE_X", "OMP_PLACES", "PROMETHEUS_X", "MLFLOW_X")
    for name in (*names, "AWS_PROFILE", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "mine")
    assert {*names, "AWS_PROFILE", "HTTPS_PROXY"} & clean_environment().keys() == {
        "AWS_PROFILE",
        "HTTPS_PROXY",
    }
    assert {*names, "AWS_PROFILE", "HTTPS_PROXY"} & Processes(None).base.keys() == {"HTTPS_PROXY"}
    assert clean_environment(CHATBOT_PORT="1")["CHATBOT_PORT"] == "1"


def test_the_end_of_a_log_is_its_last_lines_that_are_not_blank(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"first\n\n" + b"\n\n".join(b"%d" % n for n in range(20)) + b"\n\xff\n \n")
    assert tail(log, 3) == "18\n19\n\N{REPLACEMENT CHARACTER}"
    assert len(tail(log).splitlines()) == 15


def test_programs_stop_in_reverse_order_and_one_that_does_not_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happened = Child.happened = []
    monkeypatch.setattr("os.killpg", lambda pid, signal: happened.append(f"{signal.name} {pid}"))
    running: Any = {name: Child(name, name == "store") for name in ("store", "bot", "page")}
    running["page"].returncode = 3  # has ended
    with Processes(None, running=running):
        pass
    assert happened == ["TERM bot", "TERM store", f"SIGKILL {2**30}"]


def test_a_command_returns_only_what_it_wrote_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(command: list[str], stdout: Any, **options: Any) -> Child:
        stdout.write(f"output of {command[-1]}\n".encode())
        return Child(command[-1])

    monkeypatch.setattr("subprocess.Popen", begin)
    processes = Processes(tmp_path)
    assert processes.run("step", "first") == "output of first\n"
    assert processes.run("step", "second") == "output of second\n"
    with pytest.raises(StepError, match=r"`python -m third` ended with 0: .*output of third"):
        processes.run("step", "third", allowed=(1,))


def test_what_a_stopped_command_started_is_killed_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []

    class Interrupted(Child):
        def wait(self, timeout: float | None = None) -> int:
            if not killed:
                raise KeyboardInterrupt
            return -9

    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: Interrupted("step"))
    monkeypatch.setattr("os.killpg", lambda pid, _: killed.append(pid))
    with pytest.raises(KeyboardInterrupt):
        Processes(tmp_path).run("step", "first")
    assert killed == [2**30]


def test_a_condition_that_does_not_come_is_named() -> None:
    with pytest.raises(StepError, match="the lease: not within 0 s"):
        wait_until(lambda: False, "the lease", 0)
