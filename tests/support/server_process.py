"""Run a real server as a child process for tests: on a free port, with a folder for its data and output."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self
from urllib.request import urlopen

from tools.processes import free_port, kill_session


class ServerProcess:
    """One server; subclasses say how it is started.

    Attributes:
        ready_path: answers 200 once the server is ready.
        start_seconds: how long its start may take.
        cwd: working folder; None: the server's own.
    """

    ready_path = "/"
    start_seconds = 30.0
    cwd: Path | None = None

    def __init__(self, folder: Path) -> None:
        """Configure the server without starting it; its data and output are in the folder."""
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[object]:
        """Return the program and its arguments."""
        raise NotImplementedError

    def variables(self) -> Mapping[str, str]:
        """Return the server's environment."""
        return os.environ

    @property
    def url(self) -> str:
        """Return the server's address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start it, on the same port and folder if it ran before, and wait until it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [str(part) for part in self.command()]
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self.cwd or self.folder,
                env=self.variables(),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until = time.monotonic() + self.start_seconds
        while not self.ready():
            assert self.process.poll() is None, f"{command[0]} ended: {self.output}"
            assert time.monotonic() < until, f"not ready after {self.start_seconds} s: {self.output}"
            time.sleep(0.05)
        return self

    def ready(self) -> bool:
        """Return whether it is ready, not only listening."""
        try:
            with urlopen(f"{self.url}{self.ready_path}", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    @property
    def output(self) -> str:
        """Return what the server has written."""
        return (self.folder / "output.txt").read_text(errors="replace")

    def stop(self) -> None:
        """Send SIGTERM and wait. `start` restarts it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(30)

    def kill(self) -> None:
        """Kill it and its workers with SIGKILL. `start` restarts it."""
        if self.process is not None and self.process.poll() is None:
            kill_session(self.process)

    def freeze(self) -> None:
        """Suspend it: it accepts connections but does not answer, until `thaw`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume it after `freeze`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
