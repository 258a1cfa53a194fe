"""Run a real MLflow server for tests: database in a folder, artifacts in a bucket, through the server's proxy."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from chatbot.settings import TrackingSettings

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 90.0


class MlflowServer:
    """One server, started as `python -m training.mlflow_server` starts it."""

    def __init__(self, folder: Path, store: dict[str, str]) -> None:
        """Configure the server without starting it.

        Args:
            folder: for its database and its output.
            store: the store's variables, including the server's credentials (`Minio.environment`).
        """
        self.folder = folder
        self.store = store
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self, folder: Path, **others: object) -> TrackingSettings:
        """Return a client's settings: the address only. `folder` receives unsent runs."""
        return TrackingSettings(tracking_uri=self.url, unsent=folder / "unsent", **others)  # type: ignore[arg-type]

    def start(self) -> MlflowServer:
        """Start it, on the same port and database if it ran before, and wait until it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MLFLOW_"))
        } | {
            **self.store,
            "PYTHONPATH": str(ROOT),
            "CHATBOT_MLFLOW_PORT": str(self.port),
            "CHATBOT_MLFLOW_BACKEND": f"sqlite:///{self.folder}/mlflow.db",
        }
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "training.mlflow_server"],
                cwd=self.folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until = time.monotonic() + _START_SECONDS
        while not self.ready():
            assert self.process.poll() is None, f"MLflow ended: {self.output()}"
            assert time.monotonic() < until, f"MLflow is not ready after {_START_SECONDS} s: {self.output()}"
            time.sleep(0.1)
        return self

    def ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/health", timeout=2) as answer:
                return answer.status == 200
        except (URLError, OSError):
            return False

    def output(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")

    def kill(self) -> None:
        """Kill the server and its workers with SIGKILL. `start` restarts it."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
