"""The service under attack, how hard it is attacked, and raw connections to it."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.bento.server import Server

HEAD_SECONDS, BODY_SECONDS = 2, 3


def patience() -> float:
    """Return the factor by which this machine's load lengthens what a client waits; 1 on a machine that has time."""
    return max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))


SETTINGS = {
    "CHATBOT_WORKERS": "2",
    "CHATBOT_CACHE_ENTRIES": "0",
    "CHATBOT_RUNNER_WORKERS": "1",
    "CHATBOT_HEAD_SECONDS": str(HEAD_SECONDS),
    "CHATBOT_BODY_SECONDS": str(BODY_SECONDS),
    "CHATBOT_MAX_CONNECTIONS": "600",
    "CHATBOT_TIMEOUT_SECONDS": f"{10 * patience():g}",
}


@dataclass(frozen=True)
class Scale:
    """How hard each check attacks."""

    cases: int
    """Requests made from the OpenAPI document."""
    connections: int
    """Half-sent requests and slow readers."""
    megabytes: int
    """Size of each giant header, trailer and body."""
    feedbacks: int
    kills: int
    """Rounds in which each kind of process is killed, before all are; tests/bento/test_kill.py does a round, too."""
    crowd: int
    """Unfinished connections at once, to a process that takes fewer (`MORE_THAN_TAKEN`)."""
    bundles: int
    """Bundles with random damage, beside those with damage of a known kind."""
    every: int
    """Which of the damages of a known kind are done: each so many."""


MORE_THAN_TAKEN = 1.1
FULL = Scale(
    cases=5_000,
    connections=1_000,
    megabytes=100,
    feedbacks=3_000,
    kills=3,
    crowd=11_000,
    bundles=40,
    every=1,
)
SHORT = Scale(cases=160, connections=100, megabytes=10, feedbacks=200, kills=0, crowd=220, bundles=2, every=6)


@dataclass
class Target:
    """A running service and its bundle."""

    server: Server
    bundle: Path
    folder: Path
    """For what the attack writes."""
    scale: Scale

    def connect(self, seconds: float = 10) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=seconds)

    def exchange(self, *pieces: bytes, seconds: float = 5) -> bytes:
        """Send pieces until the server closes or all are sent; return all that it answers within these seconds."""
        received = b""
        with self.connect(seconds) as connection:
            with contextlib.suppress(OSError):
                for piece in pieces:
                    connection.sendall(piece)
            with contextlib.suppress(OSError):
                while part := connection.recv(65_536):
                    received += part
        return received

    def memory(self) -> int:
        """Return the resident memory of all HTTP workers in megabytes."""
        return sum(worker.memory_info().rss for worker in self.server.workers("SupportChatbot")) >> 20

    def descriptors(self) -> int:
        """Return the number of descriptors that the HTTP workers hold open."""
        return sum(worker.num_fds() for worker in self.server.workers("SupportChatbot"))

    @contextlib.contextmanager
    def normal_client(self, requests: int = 20) -> Iterator[list[tuple[int, float]]]:
        """Ask as a normal client does when the attack is at its height; yields status and seconds of each request."""
        answers: list[tuple[int, float]] = []
        yield answers
        for number in range(requests):
            began = time.monotonic()
            status, _ = self.server.post(
                "/chat", {"message": f"where is my parcel {number}"}, timeout=15 * patience()
            )
            answers.append((status, time.monotonic() - began))

    def survives(self) -> bool:
        """Whether the service is ready, or becomes so within a minute."""
        until = time.monotonic() + 60
        while not self.server.ready():
            if time.monotonic() > until:
                return False
            time.sleep(0.2)
        return True


def statuses(answer: bytes) -> list[int]:
    """Return the statuses of the responses in what a connection received."""
    found = []
    at = answer.find(b"HTTP/1.1 ")
    while at >= 0:
        found.append(int(answer[at + 9 : at + 12]))
        at = answer.find(b"HTTP/1.1 ", at + 9)
    return found


class Client:
    """One connection that is opened anew when the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: HTTPConnection | None = None

    def ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, str, bytes]:
        """Return status, content type and body; status 0 where the connection broke twice."""
        for _ in range(2):
            connection = self._connection or HTTPConnection("127.0.0.1", self._port, timeout=30)
            self._connection = connection
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                content = response.read()
                return response.status, response.getheader("Content-Type", ""), content
            except (OSError, HTTPException):
                connection.close()
                self._connection = None
        return 0, "", b""
