"""Supervise the service on one machine: reconcile it with serving.json in the store, without downtime.

    python -m bento.keeper        what `make run` and Compose start

When serving.json names another model, a second server starts on it, on the same listening socket as the first.
Once it has answered a real message, the first one drains and stops (graceful shutdown, see `bento.http.draining`); then
the second is tested over the port, as a client would. If it does not start or does not answer, the old model keeps
serving or is started again (automatic rollback), and serving.json records the reason. After a kill at any point,
the next start serves what serving.json names.
"""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from bento.__main__ import check_free
from bento.lifecycle.server_process import ServerProcess
from chatbot.errors import ChatbotError, StoreError
from chatbot.model import desired_model
from chatbot.model.desired_model import Serving, short
from chatbot.process import Stopped, stop_on
from chatbot.settings import KeeperSettings, ServiceSettings, StorageSettings, read_settings
from chatbot.store import Store, has_store, open_store

BACKLOG = 2048
_TICK_SECONDS = 0.1

Start = Callable[[str], ServerProcess]
"""Starts a server on a model, without waiting for it."""


class Keeper:
    """Supervisor of one service: keeps it on the desired model."""

    def __init__(self, store: Store | None, settings: KeeperSettings, memory: Path, start: Start) -> None:
        """Configure the supervisor; starts no server.

        Args:
            store: contains serving.json; None: there is no store, and no desired model to follow.
            settings: timeouts and poll interval.
            memory: file with a copy of the last serving.json, used at start if the store is unavailable.
            start: starts a server on a model (empty name: the bundle beside the code) without waiting for it.
        """
        self._store = store
        self._settings = settings
        self._memory = memory
        self._start = start
        self._servers: list[ServerProcess] = []
        self._complaint = ""

    def run(self) -> int:
        """Serve until stopped (`Stopped`) or until the server exits by itself.

        Returns:
            The exit code: the server's own (1 instead of 0), or 1 if no model can be served.
        """
        try:
            server = self.begin()
            if server is None:
                return 1
            while True:
                server = self.follow(server)
                until = time.monotonic() + self._settings.poll_seconds
                while time.monotonic() < until:
                    if (code := server.exit_code()) is not None:
                        _say(f"the service ended by itself (exit code {code})")
                        return code or 1
                    time.sleep(_TICK_SECONDS)
        finally:
            for server in self._servers:
                server.stop()
            for server in self._servers:
                server.wait()

    def begin(self) -> ServerProcess | None:
        """Start a server on the desired model; roll back if it does not start and was never confirmed to serve.

        Returns:
            The active server; None: the desired model does not serve and there is no other to fall back to.
        """
        wanted = self._wanted() or self._remembered()
        server = self._launch(wanted.model)
        if not (problem := self._trouble(server)):
            return server
        self._end(server)
        if wanted.serves or not wanted.model or self._store is None:
            _say(f"{wanted.name} does not serve: {problem}")
            return None
        # It never served: its promotion was interrupted.
        before = self._take_back(wanted.model, problem)
        if before is None:
            return None
        server = self._launch(before.model)
        if problem := self._trouble(server):
            _say(f"{before.name} does not serve either: {problem}")
            return None
        return server

    def follow(self, server: ServerProcess) -> ServerProcess:
        """Reconcile the server with serving.json.

        Returns:
            The active server: the same or another.
        """
        wanted = self._wanted()
        if wanted is None:
            return server
        if wanted.model != server.model:
            return self._hand_over(server, wanted)
        if not wanted.serves and wanted.model:
            self._confirm(server)
        return server

    def _hand_over(self, old: ServerProcess, wanted: Serving) -> ServerProcess:
        """Switch to a server on another model, with rollback on failure; return the active server."""
        _say(f"from {short(old.model)} to {wanted.name} ({wanted.why})")
        new = self._launch(wanted.model)
        if problem := new.wait_ready(self._settings.start_seconds):
            self._end(new)
            self._take_back(wanted.model, problem)
            return old
        self._end(old)
        if not (problem := new.ask()):
            self._confirm(new)
            _say(f"{wanted.name} serves")
            return new
        back = self._launch(old.model)
        if worse := back.wait_ready(self._settings.start_seconds):
            # The old model fails too, so the machine is at fault: keep the server that runs.
            self._end(back)
            _say(f"{short(old.model)} does not come back: {worse}; {wanted.name} goes on")
            return new
        self._end(new)
        self._take_back(wanted.model, problem)
        return back

    def _trouble(self, server: ServerProcess) -> str:
        """Return why a server that was just started does not answer; empty: it does."""
        return server.wait_ready(self._settings.start_seconds) or server.ask()

    def _launch(self, model: str) -> ServerProcess:
        server = self._start(model)
        self._servers.append(server)
        return server

    def _end(self, server: ServerProcess) -> None:
        server.leave()
        server.wait()
        self._servers.remove(server)

    def _wanted(self) -> Serving | None:
        """Return the desired model; None: it cannot be read now, so that the current one stays."""
        if self._store is None:
            return None
        try:
            wanted = desired_model.read(self._store)
            wanted.ref  # noqa: B018 - is it a model's name?
        except ChatbotError as error:
            self._complain(str(error))
            return None
        self._complain("")
        self._remember(wanted)
        return wanted

    def _remember(self, wanted: Serving) -> None:
        content = wanted.model_dump_json() + "\n"
        with suppress(OSError):  # a full disk must not stop the service
            if not self._memory.is_file() or self._memory.read_text(encoding="utf-8") != content:
                self._memory.parent.mkdir(parents=True, exist_ok=True)
                draft = self._memory.with_name(f".{self._memory.name}.draft")
                draft.write_text(content, encoding="utf-8")
                draft.replace(self._memory)

    def _remembered(self) -> Serving:
        """Return the local copy of the last serving.json; without one: the bundle beside the code."""
        try:
            return Serving.model_validate_json(self._memory.read_bytes())
        except (OSError, ValidationError):
            return Serving()

    def _confirm(self, server: ServerProcess) -> None:
        if self._store is None or not server.model:
            return
        try:
            desired_model.confirm(self._store, server.model)
        except StoreError as error:
            self._complain(str(error))

    def _take_back(self, model: str, problem: str) -> Serving | None:
        """Record the rollback of a model; return the new desired model; None: it cannot be recorded."""
        _say(f"{short(model)} is taken back: {problem}")
        if self._store is None:
            return None
        try:
            return desired_model.take_back(self._store, model, problem)
        except StoreError as error:
            self._complain(str(error))
            return None

    def _complain(self, problem: str) -> None:
        """Log a problem when it begins and when it ends, not at every poll."""
        if problem and problem != self._complaint:
            _say(f"what should serve cannot be read, and stays as it is: {problem}")
        elif self._complaint and not problem:
            _say("what should serve can be read again")
        self._complaint = problem


def listen(port: int) -> socket.socket:
    """Open the listening socket that all servers share.

    Raises:
        SettingError: the port is in use.
    """
    check_free(port)
    listening = socket.create_server(("0.0.0.0", port), backlog=BACKLOG)  # noqa: S104 - as BentoML does
    listening.set_inheritable(True)
    return listening


def main() -> int:
    """Serve until stopped; return the exit code: 1 if no model can be served, with the reason in one line."""
    stop_on(signal.SIGTERM, signal.SIGINT)
    try:
        service, keeper = read_settings(ServiceSettings), read_settings(KeeperSettings)
        storage = read_settings(StorageSettings)
        with listen(service.port) as listening:

            def start(model: str) -> ServerProcess:
                return ServerProcess(model, listening, keeper.drain_seconds)

            store = open_store(storage) if has_store(storage) else None
            memory = service.bundle_cache / desired_model.KEY
            return Keeper(store, keeper, memory, start).run()
    except Stopped:
        return 0
    except ChatbotError as error:
        _say(str(error))
        return 1


def _say(line: str) -> None:
    sys.stderr.write(f"keeper: {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
