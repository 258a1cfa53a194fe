"""Run the server of one machine as a child process: start, readiness of its model, graceful stop."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from http.client import HTTPException
from urllib.request import ProxyHandler, Request, build_opener

from bento import SUPERVISOR_KEY, SUPERVISOR_PID
from chatbot.hosts import local_url
from chatbot.model.ref import ModelRef
from chatbot.settings import ServiceSettings, UploadSettings

COMMAND = (sys.executable, "-m", "bento")
_TICK_SECONDS = 0.1
_ANSWER_SECONDS = 5.0
_MIN_STOP_SECONDS = 60.0
_STOP_RESERVE_SECONDS = 30.0


def stop_seconds(service: ServiceSettings, upload: UploadSettings) -> float:
    """Return how long a server may take to drain, answer and upload before it is killed, as in the chart."""
    return max(_MIN_STOP_SECONDS, service.drain_seconds + upload.close_seconds + _STOP_RESERVE_SECONDS)


class ServerProcess:
    """A server (`python -m bento`) as a child process; the constructor starts it. It stops when its parent dies."""

    def __init__(
        self, model: str, host: str, port: int, stop_seconds: float, command: Sequence[str] = COMMAND
    ) -> None:
        """Start the process without waiting for it.

        Args:
            model: `<version>@<bundle digest>`; empty: the bundle that ships with the code.
            host: the address that the server listens on.
            port: the port that the server listens on.
            stop_seconds: how long it may take to stop before it is killed.
            command: command line of the server.
        """
        self.model = model
        self._stop_seconds = stop_seconds
        self._url = local_url(host, port)
        key = secrets.token_urlsafe()
        self._version = Request(  # noqa: S310 - http
            f"{self._url}/version", headers={"Authorization": f"Bearer {key}"}
        )
        own = {SUPERVISOR_PID: str(os.getpid()), SUPERVISOR_KEY: key}
        own |= {"CHATBOT_MODEL": model} if model else {}
        self._process = subprocess.Popen(command, env={**os.environ, **own}, start_new_session=True)

    def exit_code(self, seconds: float = 0.0) -> int | None:
        """Wait so long for the process to end; return its exit code; None: it is running."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def wait_ready(self, seconds: float) -> str | None:
        """Wait until the server has classified a message (`/readyz`) and reports the bundle of its model.

        Returns:
            Why it is not ready, in one line; None: it is.
        """
        problem: str | None = "it does not answer"
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (code := self.exit_code()) is not None:
                return f"its server ended with exit code {code} before it was ready"
            if (problem := self._problem()) is None:
                return None
            time.sleep(_TICK_SECONDS)
        return f"its server was not ready within {seconds:g} s: {problem}"

    def stop(self) -> None:
        """Stop the server gracefully and wait for it; kill it if it does not stop in time."""
        self._process.terminate()
        if self.exit_code(self._stop_seconds) is None:
            self._process.kill()
            self._process.wait()

    def _problem(self) -> str | None:
        web = build_opener(ProxyHandler({}))
        digest = ModelRef.parse(self.model).digest if self.model else ""
        try:
            web.open(f"{self._url}/readyz", timeout=_ANSWER_SECONDS).close()
            with web.open(self._version, timeout=_ANSWER_SECONDS) as answer:
                served = json.load(answer)["bundle_digest"]
        except (OSError, HTTPException, ValueError, KeyError) as error:
            return str(error) or type(error).__name__
        return f"/version reports the bundle {served}" if digest and served != digest else None
