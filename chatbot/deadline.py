"""Bound the total time of a network call: a socket's timeout restarts with every byte that arrives."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from types import TracebackType
from typing import Any, Self
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request, build_opener


class Deadline:
    """Shuts the watched socket down when the time is over, which ends a blocked read in another thread."""

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._socket = None

    def watch(self, connection: socket.socket) -> None:
        """Watch this socket, in place of an earlier one."""
        with self._lock:
            self._socket = connection
            if self.expired:
                self._cut()

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            self._cut()

    def _cut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def opener(limit: Deadline, tls: ssl.SSLContext | None = None) -> OpenerDirector:
    """Return urllib's default opener whose connections the deadline watches."""

    def watched(kind: Callable[..., HTTPConnection]) -> Callable[..., HTTPConnection]:
        def make(*args: Any, **options: Any) -> HTTPConnection:
            connection = kind(*args, **options)
            connect = connection.connect

            def connect_and_watch() -> None:
                connect()
                limit.watch(connection.sock)

            connection.connect = connect_and_watch  # type: ignore[method-assign]
            return connection

        return make

    class Http(HTTPHandler):
        def http_open(self, req: Request) -> HTTPResponse:
            return self.do_open(watched(HTTPConnection), req)

    class Https(HTTPSHandler):
        def https_open(self, req: Request) -> HTTPResponse:
            return self.do_open(watched(HTTPSConnection), req, context=tls)

    return build_opener(Http, Https)
