"""Supervisor of the service on one machine: reconcile the server with serving.json in the store.

When serving.json names another model, its bundle must pass the preflight check while the old server keeps serving.
Then the old server answers its requests in flight and stops, and a server on the new model starts on the same port:
a short restart, during which no connection is accepted. A new server that does not become ready is replaced by one
on the old model (automatic rollback), and serving.json records the reason. After a kill at any point, the next start
serves what serving.json names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from bento.lifecycle.server_process import ServerProcess
from chatbot.errors import ChatbotError
from chatbot.files import write_file
from chatbot.loop import desired_model
from chatbot.loop.desired_model import DesiredModel, short
from chatbot.settings import KeeperSettings
from chatbot.store import Store


@dataclass
class Supervisor:
    """Keeps one server running, on the desired model."""

    store: Store | None
    """Contains serving.json; None: no store is configured, and the bundle that ships with the code is served."""
    settings: KeeperSettings
    copy: Path
    """Copy of the last serving.json, used at start if the store is unavailable."""
    start: Callable[[str], ServerProcess]
    """Starts a server on a model (empty: the bundle that ships with the code), without waiting for it."""
    preflight: Callable[[str], str | None]
    """Checks the bundle of a model on this machine; returns why it cannot be served."""
    _server: ServerProcess | None = field(default=None, init=False)
    _rejected: dict[str, str] = field(default_factory=dict, init=False)
    """Models that failed, with the reason, while the store did not accept the rollback."""
    _store_problem: str = field(default="", init=False)

    def run(self) -> int:
        """Serve until stopped (`Stopped`) or until the server exits by itself.

        Returns:
            The exit code: the server's own (1 instead of 0), or 1 if no model can be served.
        """
        try:
            serves = self.begin()
            while serves:
                serves = self.reconcile()
                code = self._server.exit_code(self.settings.poll_seconds) if self._server else None
                if code is not None:
                    log(f"the service exited unexpectedly (exit code {code})")
                    return code or 1
            return 1
        finally:
            self._stop()

    def begin(self) -> bool:
        """Start a server on the desired model; roll back if it fails and was never confirmed to serve.

        Returns:
            Whether a model is served.
        """
        # Without a store, a copy is of one that is not configured any more.
        has_store = self.store is not None
        desired = (self._change(desired_model.read) or self._last_read()) if has_store else DesiredModel()
        if (problem := self._restart(desired.model)) is None:
            return True
        problem = self.preflight(desired.model) or problem  # says more than an exit code
        # One that never served: its rollout was interrupted.
        previous = None if desired.serves or not desired.model else self._roll_back(desired.model, problem)
        if previous is None:
            log(f"{desired.name} cannot be served: {problem}")
            return False
        if worse := self._restart(previous.model):
            log(f"{previous.name} cannot be served either: {worse}")
        return worse is None

    def reconcile(self) -> bool:
        """Follow serving.json: switch to another model, or confirm that the desired one serves.

        Returns:
            Whether a model is served.
        """
        desired = self._change(desired_model.read)
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
            problem = self.preflight(desired.model)
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
        self._server = self.start(model)
        if (problem := self._server.wait_ready(self.settings.start_seconds)) is not None:
            self._stop()
        return problem

    def _stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _confirm(self, model: str) -> None:
        """Record that a model serves; if that fails, the next `reconcile` tries again."""
        self._change(lambda store: desired_model.confirm(store, model))

    def _roll_back(self, model: str, problem: str) -> DesiredModel | None:
        """Record the rollback of a model; return the new desired model; None: it cannot be recorded yet."""
        self._rejected[model] = problem
        previous = self._change(lambda store: desired_model.roll_back(store, model, problem))
        if previous is not None:
            log(f"{short(model)} is rolled back: {problem}")
            del self._rejected[model]
        return previous

    def _change(self, change: Callable[[Store], DesiredModel]) -> DesiredModel | None:
        """Read or change serving.json, and copy it; return it; None: that is impossible now, the current model stays.

        A problem with the store is logged when it begins and when it ends, not at every poll.
        """
        if self.store is None:
            return None
        try:
            desired = change(self.store)
            desired.ref  # noqa: B018 - raises if it is not a model's name
        except ChatbotError as error:
            if str(error) != self._store_problem:
                log(f"serving.json cannot be read or written, the current model stays: {error}")
            self._store_problem = str(error)
            return None
        if self._store_problem:
            log("serving.json is available again")
            self._store_problem = ""
        content = desired.model_dump_json() + "\n"
        with suppress(OSError):  # a full disk must not stop the service
            if not self.copy.is_file() or self.copy.read_text(encoding="utf-8") != content:
                write_file(self.copy, content, sync=False)
        return desired

    def _last_read(self) -> DesiredModel:
        """Return the copy of the last serving.json; without one: the bundle that ships with the code."""
        try:
            return DesiredModel.model_validate_json(self.copy.read_bytes())
        except (OSError, ValidationError):
            return DesiredModel()


def log(line: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"keeper: {line}\n")
    sys.stderr.flush()
