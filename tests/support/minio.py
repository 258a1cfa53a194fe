"""Run a real MinIO for tests: start, stop, kill, freeze, restart; each on a free port and a fresh folder."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import boto3

from chatbot.settings import StorageSettings
from chatbot.store import make_bucket
from tests.support import requirements

_START_SECONDS = 30.0


class Minio:
    """One server. `environment` is what a client process needs; `new_bucket` creates a store in it."""

    def __init__(self, folder: Path) -> None:
        """Configure the server without starting it; its data and output are in the folder."""
        self.folder = folder
        self.user = "test-" + secrets.token_hex(4)
        self.password = secrets.token_hex(16)
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the endpoint."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """Return the root credentials as environment variables."""
        return {"AWS_ACCESS_KEY_ID": self.user, "AWS_SECRET_ACCESS_KEY": self.password}

    def environment(self, url: str) -> dict[str, str]:
        """Return the environment a process needs to use the store `s3://bucket/prefix` in this server."""
        return {"CHATBOT_STORE_URL": url, "CHATBOT_STORE_ENDPOINT": self.url, **self.credentials}

    def settings(self, url: str, **others: object) -> StorageSettings:
        """Return the same as settings for this process; the credentials must be in its environment."""
        return StorageSettings(url=url, endpoint=self.url, **others)  # type: ignore[arg-type]

    def new_bucket(self) -> str:
        """Create a bucket for a test; returns its `s3://` URL. Needs the credentials in the environment."""
        url = f"s3://test-{secrets.token_hex(6)}"
        make_bucket(self.settings(url))
        return url

    def drop(self, url: str) -> None:
        """Delete a bucket and its content. Needs the credentials in the environment."""
        found = boto3.resource("s3", endpoint_url=self.url, region_name="us-east-1").Bucket(
            urlsplit(url).netloc
        )
        found.objects.all().delete()
        found.delete()

    def start(self) -> Minio:
        """Start it, on the same port and folder if it ran before, and wait until it is ready."""
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        own = {"MINIO_ROOT_USER": self.user, "MINIO_ROOT_PASSWORD": self.password, "MINIO_BROWSER": "off"}
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                [
                    requirements.program("minio"),
                    "server",
                    self.folder / "data",
                    "--address",
                    f"127.0.0.1:{self.port}",
                    "--quiet",
                ],
                env=os.environ | own | {"HOME": str(self.folder)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        until = time.monotonic() + _START_SECONDS
        while not self.ready():
            said = (self.folder / "output.txt").read_text(errors="replace")
            assert self.process.poll() is None, f"MinIO ended: {said}"
            assert time.monotonic() < until, f"MinIO is not ready after {_START_SECONDS} s: {said}"
            time.sleep(0.05)
        return self

    def ready(self) -> bool:
        """Return whether it is ready as a store, not only listening."""
        try:
            with urlopen(f"{self.url}/minio/health/cluster", timeout=2) as answer:
                return answer.status == 200
        except (URLError, OSError):
            return False

    def stop(self) -> None:
        """Send SIGTERM and wait. `start` restarts it."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it with SIGKILL. `start` restarts it."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Suspend it: it accepts connections but does not answer, until `thaw`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume it after `freeze`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
            self.process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
