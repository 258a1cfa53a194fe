"""Supervisor of the service on one machine: reconcile the server with serving.json in the store.

When serving.json names another model, its bundle must pass the preflight check while the old server keeps serving.
Then the old server answers its requests in flight and stops, and a server on the new model starts on the same port:
a short restart, during which no connection is accepted. A new server that does not become ready is replaced by one
on the old model (automatic rollback), and serving.json records the reason. After a kill at any point, the next start
serves what serving.json names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from pydantic import ValidationError

from bento import SUPERVISOR_PID
from chatbot.errors import ChatbotError, StoreError
from chatbot.files import write_file
from chatbot.loop import desired_model
from chatbot.loop.desired_model import Serving, short
from chatbot.settings import KeeperSettings
from chatbot.store import Store

COMMAND = (sys.executable, "-m", "bento")
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a server on all addresses is reached
_TICK_SECONDS = 0.1
_ANSWER_SECONDS = 5.0
_STOP_SECONDS = 60.0

Start = Callable[[str], "ServerProcess"]
"""Starts a server on a model, without waiting for it."""
Preflight = Callable[[str], str | None]
"""Checks the bundle of a model on this machine; returns why it cannot be served."""


class ServerProcess:
    """A server (`python -m bento`) as a child process; the constructor starts it. It stops when its parent dies."""

    def __init__(self, model: str, host: str, port: int, command: Sequence[str] = COMMAND) -> None:
        """Start the process without waiting for it.

        Args:
            model: `<version>@<bundle digest>`; empty: the bundle that ships with the code.
            host: the address that the server listens on.
            port: the port that the server listens on.
            command: command line of the server.
        """
        self.model = model
        host = _LOOPBACK.get(host, host)
        self._url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        others = {k: v for k, v in os.environ.items() if k not in ("CHATBOT_MODEL", "CHATBOT_MODEL_FILE")}
        own = {SUPERVISOR_PID: str(os.getpid())} | ({"CHATBOT_MODEL": model} if model else {})
        self._process = subprocess.Popen(command, env=others | own, start_new_session=True)

    def exit_code(self) -> int | None:
        """Return the exit code; None: the process is running."""
        return self._process.poll()

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
        try:
            self._process.wait(_STOP_SECONDS + float(os.environ.get("CHATBOT_DRAIN_SECONDS") or 0))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _problem(self) -> str | None:
        web, digest = build_opener(ProxyHandler({})), self.model.partition("@")[2]
        try:
            web.open(f"{self._url}/readyz", timeout=_ANSWER_SECONDS).close()
            with web.open(f"{self._url}/version", timeout=_ANSWER_SECONDS) as answer:
                served = json.load(answer)["bundle_digest"]
        except (OSError, HTTPException, ValueError, KeyError) as error:
            return str(error) or type(error).__name__
        return f"/version reports the bundle {served}" if digest and served != digest else None


class Supervisor:
    """Keeps one server running, on the desired model."""

    def __init__(
        self, store: Store | None, settings: KeeperSettings, copy: Path, start: Start, preflight: Preflight
    ) -> None:
        """Configure the supervisor; starts no server.

        Args:
            store: contains serving.json; None: there is no store, and the bundle that ships with the code is served.
            settings: timeout and poll interval.
            copy: file with a copy of the last serving.json, used at start if the store is unavailable.
            start: starts a server on a model (empty: the bundle that ships with the code).
            preflight: checks a model's bundle before the current server stops.
        """
        self._store = store
        self._settings = settings
        self._copy = copy
        self._start = start
        self._preflight = preflight
        self._server: ServerProcess | None = None
        self._rejected: dict[str, str] = {}
        """Models that failed, with the reason, while the store did not accept the rollback."""
        self._store_problem = ""

    def run(self) -> int:
        """Serve until stopped (`Stopped`) or until the server exits by itself.

        Returns:
            The exit code: the server's own (1 instead of 0), or 1 if no model can be served.
        """
        try:
            serves = self.begin()
            while serves:
                serves = self.reconcile()
                until = time.monotonic() + self._settings.poll_seconds
                while self._server and time.monotonic() < until:
                    if (code := self._server.exit_code()) is not None:
                        log(f"the service ended by itself (exit code {code})")
                        return code or 1
                    time.sleep(_TICK_SECONDS)
            return 1
        finally:
            self._stop()

    def begin(self) -> bool:
        """Start a server on the desired model; roll back if it fails and was never confirmed to serve.

        Returns:
            Whether a model is served.
        """
        desired = self._read() or self._last_read()
        if (problem := self._restart(desired.model)) is None:
            return True
        problem = self._preflight(desired.model) or problem  # says more than an exit code
        if desired.serves or not desired.model or self._store is None:
            log(f"{desired.name} cannot be served: {problem}")
            return False
        # It never served: its rollout was interrupted.
        previous = self._roll_back(desired.model, problem)
        if previous is None:
            return False
        if worse := self._restart(previous.model):
            log(f"{previous.name} cannot be served either: {worse}")
        return worse is None

    def reconcile(self) -> bool:
        """Follow serving.json: switch to another model, or confirm that the desired one serves.

        Returns:
            Whether a model is served.
        """
        desired = self._read()
        current = self._server.model if self._server else ""
        if desired is None:
            return True
        if desired.model == current:
            if current and not desired.serves:
                self._confirm(current)
            return True
        problem = self._rejected.get(desired.model)
        if problem is None:
            log(f"from {short(current)} to {desired.name} ({desired.why})")
            problem = self._preflight(desired.model)
        if problem is None:
            if (problem := self._restart(desired.model)) is None:
                self._confirm(desired.model)
                log(f"{desired.name} is served")
                return True
            if worse := self._restart(current):
                # Both fail, so the machine is at fault: the next start tries the desired model again.
                log(f"{desired.name} cannot be served: {problem}; {short(current)} neither: {worse}")
                return False
        self._roll_back(desired.model, problem)
        return True

    def _restart(self, model: str) -> str | None:
        """Replace the current server by one on a model; return why it does not serve, None: it does."""
        self._stop()
        self._server = self._start(model)
        if (problem := self._server.wait_ready(self._settings.start_seconds)) is not None:
            self._stop()
        return problem

    def _stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _read(self) -> Serving | None:
        """Return the desired model; None: it cannot be read now, so that the current one stays."""
        if self._store is None:
            return None
        try:
            desired = desired_model.read(self._store)
            desired.ref  # noqa: B018 - raises if it is not a model's name
        except ChatbotError as error:
            self._note_store(str(error))
            return None
        self._note_store("")
        content = desired.model_dump_json() + "\n"
        with suppress(OSError):  # a full disk must not stop the service
            if not self._copy.is_file() or self._copy.read_text(encoding="utf-8") != content:
                write_file(self._copy, content, sync=False)
        return desired

    def _last_read(self) -> Serving:
        """Return the copy of the last serving.json; without one: the bundle that ships with the code."""
        try:
            return Serving.model_validate_json(self._copy.read_bytes())
        except (OSError, ValidationError):
            return Serving()

    def _confirm(self, model: str) -> None:
        """Record that a model serves; if that fails, the next `reconcile` tries again."""
        try:
            if self._store is not None:
                desired_model.confirm(self._store, model)
        except StoreError as error:
            self._note_store(str(error))

    def _roll_back(self, model: str, problem: str) -> Serving | None:
        """Record the rollback of a model; return the new desired model; None: it cannot be recorded yet."""
        if self._store is None:
            return None
        if model not in self._rejected:
            log(f"{short(model)} is rolled back: {problem}")
        self._rejected[model] = problem
        try:
            previous = desired_model.take_back(self._store, model, problem)
        except StoreError as error:
            self._note_store(str(error))
            return None
        del self._rejected[model]
        return previous

    def _note_store(self, problem: str) -> None:
        """Log a problem with the store when it begins and when it ends, not at every poll."""
        if problem and problem != self._store_problem:
            log(f"serving.json cannot be read or written, the current model stays: {problem}")
        elif self._store_problem and not problem:
            log("serving.json is available again")
        self._store_problem = problem


def log(line: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"keeper: {line}\n")
    sys.stderr.flush()
