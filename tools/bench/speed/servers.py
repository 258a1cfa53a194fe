"""Start a server as a child process, time its first real answer, and stop it with all its children."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from pydantic_core import from_json

from chatbot.errors import ChatbotError
from tools.bench.speed.load import HOST
from tools.processes import Processes, kill_session

_POLL_SECONDS = 0.02


class BenchError(ChatbotError):
    """A prerequisite of a measurement is missing."""

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


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], port: int, message: bytes, log: Path
) -> Iterator[Server]:
    """Run a server command for the duration of the block.

    Args:
        environment: complete; nothing is inherited.
        port: the port it will listen on.
        message: JSON body of the first real message; waits for an answer with an `intent`.
        log: receives the server's output.

    Raises:
        StepError: the server ended, or did not answer in time; contains the end of its output.
    """
    log.unlink(missing_ok=True)
    processes, started = Processes(log.parent, base=environment), time.perf_counter()
    processes.start(log.stem, command, lambda: answers(port, message))
    process = processes.running[log.stem]
    try:
        processes.wait(log.stem, _POLL_SECONDS)
        yield Server(port, process.pid, time.perf_counter() - started)
    finally:
        processes.stop()
        kill_session(process)  # what the server left running would use the cores of the next one


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
    """Send one request on a new connection; returns status and body.

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
