"""Run the project's programs as child processes: a common environment, a log each, readiness, and a common stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.request import urlopen

from chatbot.errors import ChatbotError, SettingError

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 120.0
STOP_SECONDS = 20.0
_OWN = ("CHATBOT_", "BENTOML_", "BASELINE_", "OMP_", "PROMETHEUS_", "MLFLOW_")


class StepError(ChatbotError):
    """A program failed or did not start; contains its name and its last output."""

    type = "step"


def clean_environment(**extra: str) -> dict[str, str]:
    """Return this process's environment without the product's settings: programs run with defaults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
    return kept | {"PYTHONPATH": str(ROOT), "BENTOML_DO_NOT_TRACK": "True", "DO_NOT_TRACK": "1"} | extra


def _lone_environment() -> dict[str, str]:
    base = clean_environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PYTHONUNBUFFERED="1")
    return {name: value for name, value in base.items() if not name.startswith("AWS_")}


@dataclass
class Processes:
    """Child processes; as a context manager, it stops them.

    Attributes:
        folder: of the logs; None: the output goes to the terminal.
        environment: variables of every process, added to `base`.
    """

    folder: Path | None
    environment: dict[str, str] = field(default_factory=dict)
    base: Mapping[str, str] = field(default_factory=_lone_environment)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _ready: dict[str, Callable[[], bool]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(
        self,
        name: str,
        command: Sequence[str],
        ready: str | Callable[[], bool],
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Launch a server; `wait` waits until it is ready.

        Args:
            ready: a URL that returns 200 once the server is ready, or a function.
            extra: additional environment variables for this server only.
        """
        self.running[name] = self._launch(name, command, extra)
        self._ready[name] = (lambda: answers(ready)) if isinstance(ready, str) else ready

    def wait(self, name: str, poll_seconds: float = 0.1) -> None:
        """Wait until a launched server is ready.

        Raises:
            StepError: it ended, or did not answer in time.
        """
        process, until = self.running[name], time.monotonic() + START_SECONDS
        while True:
            # Checked first: once the process has ended, another process may answer on this port.
            if process.poll() is not None:
                raise StepError(f"{name} ended with {process.returncode}: {self._said(name)}")
            if self._ready[name]():
                return
            if time.monotonic() > until:
                raise StepError(f"{name} did not answer within {START_SECONDS:g} s: {self._said(name)}")
            time.sleep(poll_seconds)

    def run(self, name: str, *arguments: str, allowed: Sequence[int] = (0,)) -> str:
        """Run one of the project's commands to completion, as a user would: `python -m ...`.

        Returns:
            Its output, which is also in its log.

        Raises:
            StepError: its exit code is not in `allowed`.
        """
        log = self._log(name)
        began = log.stat().st_size if log.exists() else 0
        process = self._launch(name, [sys.executable, "-m", *arguments])
        try:
            code = process.wait()
        except BaseException:
            kill_session(process)
            raise
        if code not in allowed:
            ended = "".join(
                f"; {other} had ended with {process.returncode}: {self._said(other)}"
                for other, process in self.running.items()
                if process.poll() is not None  # a likely cause of other failures
            )
            raise StepError(f"`python -m {' '.join(arguments)}` ended with {code}: {self._said(name)}{ended}")
        return log.read_bytes()[began:].decode(errors="replace")

    def stop(self) -> None:
        """Stop everything, in reverse order: TERM, then KILL."""
        for process in reversed(self.running.values()):
            if process.poll() is None:
                process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for process in self.running.values():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                kill_session(process)

    def _launch(
        self, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        output = self._log(name).open("ab") if self.folder else None
        try:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env={**self.base, **self.environment, **(extra or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        finally:
            if output is not None:
                output.close()

    def _log(self, name: str) -> Path:
        folder = self.folder or Path()
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}.log"

    def _said(self, name: str) -> str:
        return " / ".join(tail(self._log(name)).splitlines()) if self.folder else "the reason is above"


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its descendants, if any still run."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def answers(url: str) -> bool:
    """Return whether the URL returns 200."""
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - a server that was just started
            return int(answer.status) == 200
    except OSError:
        return False


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log that are not blank."""
    return "\n".join([line for line in log.read_text(errors="replace").splitlines() if line.strip()][-lines:])


def wait_until(reached: Callable[[], bool], what: str, seconds: float) -> None:
    """Poll until the condition holds. Raises: StepError: it did not hold in time."""
    until = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > until:
            raise StepError(f"{what}: not within {seconds:g} s")
        time.sleep(0.2)


def free_port() -> int:
    """Return an unused port."""
    return port_of("", set())


def port_of(variable: str, taken: set[int]) -> int:
    """Return the port that a variable sets, else a free one.

    Raises:
        SettingError: the port is in use, or not a valid port.
    """
    named = os.environ.get(variable, "")
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(named or 0)))
            port = int(probe.getsockname()[1])
    except (OSError, ValueError, OverflowError) as error:
        raise SettingError(f"{variable}={named}: {error}") from error
    if port in taken:
        if named:
            raise SettingError(f"{variable}={named} is given to another part of the loop already")
        return port_of(variable, taken)
    taken.add(port)
    return port
