"""Bound the total time of a network call: a socket's timeout restarts with every byte that arrives."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from contextvars import ContextVar
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from types import TracebackType
from typing import Any, Self
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from chatbot.watchdog import WATCHDOG


class Deadline:
    """Shuts the watched socket down when the time is over, which ends a blocked read in another thread.

    Watches itself what the thread that entered it connects through a pool of `watch_pools`.
    """

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._seconds = seconds

    def __enter__(self) -> Self:
        self._alarm = WATCHDOG.call_after(self._seconds, self._expire)
        self._outer = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.reset(self._outer)
        self._alarm.cancel()
        with self._lock:
            self._socket = None

    def restart(self, seconds: float) -> None:
        """Let the time begin again, unless it is over: for a response whose length is known by now."""
        self._alarm.cancel()
        with self._lock:
            if not self.expired:
                self._alarm = WATCHDOG.call_after(seconds, self._expire)

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


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def watch_pools(*pools: Any) -> None:
    """Let connections of these pool classes of urllib3 be watched by the deadline of the thread that uses them."""
    for pool in pools:
        if not issubclass(pool.ConnectionCls, _Watched):
            kind = pool.ConnectionCls
            pool.ConnectionCls = type(kind.__name__, (_Watched, kind), {})


class _Watched:
    sock: socket.socket | None

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._watch()

    def request(self, *args: Any, **options: Any) -> None:
        self._watch()  # a kept connection is not connected again
        super().request(*args, **options)  # type: ignore[misc]

    def _watch(self) -> None:
        if (limit := _current.get()) is not None and self.sock is not None:
            limit.watch(self.sock)


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
