"""A server on this machine that sends its answer byte by byte."""

from __future__ import annotations

import socket
import threading

PERIOD = 0.1
"""Of the bytes: far below the timeout of a read, which each of them restarts."""


class Trickle:
    """Sends the first bytes of an answer at once and the others one by one, and counts them."""

    def __init__(self, at_once: int, answer: bytes) -> None:
        self.sent = 0
        self._at_once, self._answer = at_once, answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        self._stop = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._stop.set()
        self._listening.close()

    def _serve(self) -> None:
        try:
            connection, _ = self._listening.accept()
        except OSError:
            return
        try:
            connection.recv(65536)
            connection.sendall(self._answer[: self._at_once])
            for place in range(self._at_once, len(self._answer)):
                if self._stop.wait(PERIOD):
                    return
                connection.sendall(self._answer[place : place + 1])
                self.sent += 1
        except OSError:
            return
        finally:
            connection.close()
