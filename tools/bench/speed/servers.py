"""Start a server as a child process, time its first real answer, and stop it with all its children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from pydantic_core import from_json

from chatbot.errors import ChatbotError
from tools.bench.speed.load import HOST

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 120.0
STOP_SECONDS = 20.0
_POLL_SECONDS = 0.02


class BenchError(ChatbotError):
    """A prerequisite of a measurement is missing or did not start."""

    type = "bench"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that has answered a real message.

    Attributes:
        start_seconds: from the start of its process to its first real answer.
    """

    port: int
    pid: int
    start_seconds: float


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], port: int, message: bytes, log: Path
) -> Iterator[Server]:
    """Run a server command for the duration of the block.

    Args:
        command: run from the project's root.
        environment: complete; nothing is inherited.
        port: the port it will listen on.
        message: JSON body of the first real message; waits for an answer with an `intent`.
        log: receives the server's output.

    Raises:
        BenchError: the server ended, or did not answer in time; contains the end of its output.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            list(command),
            cwd=ROOT,
            env=dict(environment),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _await_first_answer(process, port, message, log)
            yield Server(port, process.pid, time.perf_counter() - started)
        finally:
            _stop(process)


def clean_environment(**extra: str) -> dict[str, str]:
    """Return this process's environment without the product's settings: servers are measured with defaults."""
    ours = ("CHATBOT_", "BENTOML_", "BASELINE_", "OMP_", "PROMETHEUS_", "MLFLOW_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PYTHONPATH": str(ROOT), "BENTOML_DO_NOT_TRACK": "True", "DO_NOT_TRACK": "1"} | extra


def _await_first_answer(process: subprocess.Popen[bytes], port: int, message: bytes, log: Path) -> None:
    until = time.perf_counter() + START_SECONDS
    while time.perf_counter() < until:
        if process.poll() is not None:
            raise BenchError(f"{_name(process)} ended with {process.returncode}; it said:\n{tail(log)}")
        if answers(port, message):
            return
        time.sleep(_POLL_SECONDS)
    raise BenchError(f"{_name(process)} gave no answer within {START_SECONDS:g} s; it said:\n{tail(log)}")


def answers(port: int, message: bytes) -> bool:
    """Return whether a real message is answered with an intent."""
    try:
        status, body = request(port, "POST", "/chat", message)
        return status == 200 and "intent" in from_json(body)
    except (OSError, HTTPException, ValueError):
        return False


def request(
    port: int, method: str, path: str, body: bytes | None = None, timeout: float = 10
) -> tuple[int, bytes]:
    """Send one request on a connection of its own; returns status and body.

    Raises:
        OSError, HTTPException: the server does not answer.
    """
    connection = HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Send TERM to the server, then KILL to the rest of its session."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _name(process: subprocess.Popen[bytes]) -> str:
    return (
        " ".join(str(part) for part in process.args) if isinstance(process.args, list) else str(process.args)
    )


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
