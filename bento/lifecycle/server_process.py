"""Run one server (`python -m bento`) as the supervisor's child: shared listening socket, separate BENTOML_HOME."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import psutil

from bento import KEEPER_PID
from bento.lifecycle.bundle_source import served
from bento.version import ROOT
from chatbot.settings import ServiceSettings, read_settings

COMMAND = (sys.executable, "-m", "bento")
REASON = "support-chatbot: "
_STOP_SECONDS = 60.0
_ANSWER_SECONDS = 15.0
_EXIT_SECONDS = 2.0


class ServerProcess:
    """A server process of `bento.keeper`; the constructor starts it."""

    def __init__(
        self,
        model: str,
        listening: socket.socket,
        drain_seconds: float,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """Start the process without waiting for it.

        Args:
            model: `<version>@<bundle digest>`; empty: the bundle beside the code.
            listening: listening socket shared with the previous and the next server.
            drain_seconds: drain period, if CHATBOT_DRAIN_SECONDS is not set.
            command: command line of the server.
        """
        self.model = model
        self._port = int(listening.getsockname()[1])
        self._home = Path(tempfile.mkdtemp(prefix="support-chatbot-"))
        self._notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._notified.bind(str(self._home / "ready"))
        self._reason = ""
        environment = {
            k: v for k, v in os.environ.items() if k not in ("CHATBOT_MODEL", "CHATBOT_MODEL_FILE")
        }
        environment |= {
            "CHATBOT_LISTEN_FD": str(listening.fileno()),
            "CHATBOT_DRAIN_SECONDS": os.environ.get("CHATBOT_DRAIN_SECONDS") or str(drain_seconds),
            "NOTIFY_SOCKET": str(self._home / "ready"),
            KEEPER_PID: str(os.getpid()),
            # BENTOML_HOME contains the metrics files of one server's processes: two servers must not share it.
            "BENTOML_HOME": str(self._home / "bentoml"),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        }
        if model:
            environment["CHATBOT_MODEL"] = model
        self._process = subprocess.Popen(
            command,
            env=environment,
            pass_fds=(listening.fileno(),),
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._pass_on, daemon=True)
        self._reader.start()

    def exit_code(self) -> int | None:
        """Return the exit code; None: the process is running."""
        return self._process.poll()

    def wait_ready(self, seconds: float) -> str:
        """Wait until the server reports READY=1, which it does once it answers messages.

        Returns:
            Why it is not ready, in one line; empty: it is.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            ready, _, _ = select.select([self._notified], [], [], 0.1)
            if ready and b"READY=1" in self._notified.recv(4096):
                return ""
            if (code := self.exit_code()) is not None:
                self._reader.join(_EXIT_SECONDS)
                return self._reason or f"its server ended with {code} before it was ready"
        return f"its server was not ready within {seconds:g} s"

    def ask(self) -> str:
        """Test the server over the port, as a client would; it must be the only one that listens there.

        Checks the bundle digest in `/version`, and the reply to a message known to the bundle.

        Returns:
            What is wrong with its responses, in one line; empty: nothing.
        """
        settings = read_settings(ServiceSettings)
        if self.model:
            settings = settings.model_copy(update={"model": self.model, "model_file": None})
        bundle = served(settings)
        message = _real_message(bundle.folder)
        problem = "nothing answers"
        until = time.monotonic() + _ANSWER_SECONDS
        while time.monotonic() < until and self.exit_code() is None:
            try:
                version = self._call("GET", "/version")
                if bundle.digest and version.get("bundle_digest") != bundle.digest:
                    problem = f"/version says it serves {version.get('bundle_digest')}"
                elif not self._call("POST", "/chat", {"message": message}).get("response"):
                    problem = f"the answer to {message!r} is empty"
                else:
                    return ""
            except (OSError, ValueError) as error:
                problem = str(error) or type(error).__name__
            time.sleep(0.1)
        return f"its server does not answer as it should: {problem}"

    def leave(self) -> None:
        """Request a graceful shutdown with draining (SIGTERM). Does not wait."""
        if self.exit_code() is None:
            self._process.terminate()

    def stop(self) -> None:
        """Request a stop: without draining (SIGINT), unless CHATBOT_DRAIN_SECONDS is set. Does not wait."""
        if os.environ.get("CHATBOT_DRAIN_SECONDS"):
            self.leave()
            return
        with suppress(psutil.Error):
            # The parent forwards SIGTERM to the workers, which delay it for draining; they do not delay SIGINT.
            server = psutil.Process(self._process.pid)
            for process in (server, *server.children(recursive=True)):
                with suppress(psutil.Error):
                    process.send_signal(signal.SIGINT)

    def wait(self) -> None:
        """Wait until the process has exited; kill it after a timeout of 60 seconds."""
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_EXIT_SECONDS)
        self._notified.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Send a request and return the JSON; raise OSError without a 200 response, ValueError if it is not JSON."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_SECONDS)
        try:
            content = json.dumps(body) if body is not None else None
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
            if answer.status != 200:
                raise OSError(f"{method} {path} is answered {answer.status}: {text[:200]}")
            return dict(json.loads(text))
        finally:
            connection.close()

    def _pass_on(self) -> None:
        """Forward the server's stderr, and remember the line that says why it refuses to start."""
        if self._process.stderr is None:
            return
        for line in self._process.stderr:
            sys.stderr.write(line)
            if line.startswith(REASON):
                self._reason = line.removeprefix(REASON).strip()


def _real_message(folder: Path) -> str:
    """Return a message known to the bundle, from its manifest."""
    try:
        known = json.loads((folder / "model.json").read_text(encoding="utf-8"))["known"]
        return str(known[0]["message"])
    except (OSError, ValueError, KeyError, IndexError):
        return "Can I get a refund?"
