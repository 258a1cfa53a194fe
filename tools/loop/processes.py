"""Start the loop's processes with a common environment, wait until they are ready, and stop them at the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from chatbot.errors import ChatbotError, SettingError

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0
STOP_SECONDS = 20.0
_OWN = ("CHATBOT_", "MLFLOW_", "AWS_", "BENTOML_", "PROMETHEUS_")
_LAST_LINES = 12


class StepError(ChatbotError):
    """A component of the loop failed; contains its name and its last output."""

    type = "loop"


@dataclass
class Processes:
    """All processes of the loop: one log folder, one environment."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    """Variables of every process, added to this process's environment without the project's own settings."""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _urls: dict[str, str] = field(default_factory=dict)

    def start(
        self, name: str, command: Sequence[str], url: str, extra: Mapping[str, str] | None = None
    ) -> None:
        """Launch a server; `wait` waits until it is ready.

        Args:
            url: returns 200 once the server is ready.
            extra: additional environment variables for this server only.
        """
        with self._log(name).open("ab") as output:
            self.running[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment(extra),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._urls[name] = url

    def wait(self, name: str) -> None:
        """Wait until a launched server is ready.

        Raises:
            StepError: it ended, or did not answer in time.
        """
        process, url, log = self.running[name], self._urls[name], self.folder / f"{name}.log"
        until = time.monotonic() + START_SECONDS
        while True:
            # Checked first: once the process has ended, another process may answer on this port.
            if process.poll() is not None:
                raise StepError(f"{name} ended with {process.returncode}: {_last_lines(log)}")
            if answers(url):
                return
            if time.monotonic() > until:
                raise StepError(f"{name} did not answer at {url} within {START_SECONDS:g} s; see {log}")
            time.sleep(0.1)

    def run(self, name: str, *arguments: str, allowed: Sequence[int] = (0,)) -> str:
        """Run one of the project's commands to completion, as a user would: `python -m ...`.

        Returns:
            Its output, which is also in its log.

        Raises:
            StepError: its exit code is not in `allowed`.
        """
        log = self._log(name)
        with log.open("ab") as output:
            began = output.tell()
            done = subprocess.run(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        with log.open("rb") as stream:
            stream.seek(began)
            said = stream.read().decode(errors="replace")
        if done.returncode not in allowed:
            raise StepError(
                f"`python -m {' '.join(arguments)}` ended with {done.returncode}: {_last_lines(log)}{self._ended()}"
            )
        return said

    def _log(self, name: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{name}.log"

    def _ended(self) -> str:
        """Describe the servers that ended unexpectedly: a likely cause of other failures."""
        codes = {name: process.poll() for name, process in self.running.items()}
        return "".join(
            f"; {name} had ended with {code}: {_last_lines(self.folder / f'{name}.log')}"
            for name, code in codes.items()
            if code is not None
        )

    def stop(self) -> None:
        """Stop everything, in reverse order: TERM, then KILL."""
        for process in reversed(self.running.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        for process in self.running.values():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        return {**clean, **threads, "PYTHONUNBUFFERED": "1", **self.environment, **(extra or {})}


def answers(url: str) -> bool:
    """Return whether the URL returns 200."""
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - a server that was just started
            return int(answer.status) == 200
    except (URLError, OSError):
        return False


def wait_until(reached: Callable[[], bool], what: str, seconds: float) -> None:
    """Poll until the condition holds. Raises: StepError: it did not hold in time."""
    until = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > until:
            raise StepError(f"{what}: not within {seconds:g} s")
        time.sleep(0.2)


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


def _last_lines(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-_LAST_LINES:])
