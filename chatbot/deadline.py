"""Bound the total time of a network call: a socket's timeout restarts with every byte that arrives."""

from __future__ import annotations

import contextlib
import email.utils
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from types import TracebackType
from typing import Any, Self
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from chatbot.watchdog import WATCHDOG, Alarm

_MAX_WAIT_SECONDS = 3600.0


class Deadline:
    """Shuts the watched socket down when the time is over, which ends a blocked read in another thread.

    Watches itself what the thread that entered it connects through a pool of `watch_pools`.

    Attributes:
        expired: whether the time is over.
        connection: the watched socket.
    """

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self.connection: socket.socket | None = None
        self._lock = threading.Lock()
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
            self.connection = None

    def restart(self, seconds: float) -> None:
        """Let the time begin again, unless it is over: for a response whose length is known by now."""
        self._alarm.cancel()
        with self._lock:
            if not self.expired:
                self._alarm = WATCHDOG.call_after(seconds, self._expire)

    def watch(self, connection: socket.socket) -> None:
        """Watch this socket, in place of an earlier one."""
        with self._lock:
            self.connection = connection
            if self.expired:
                self._cut()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Watch the connection that httpx opens for a request whose extension `trace` this is."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            connection = info["return_value"].get_extra_info("socket")
            if connection is not None:
                self.watch(connection)

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            self._cut()

    def _cut(self) -> None:
        if self.connection is not None:
            _shut_down(self.connection)


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def watch_pools(*pools: Any, seconds: float | None = None) -> None:
    """Let connections of these pool classes of urllib3 be watched by the deadline of the thread that uses them.

    Args:
        seconds: total time of a request without such a deadline; None: unlimited.
    """
    for pool in pools:
        if not issubclass(pool.ConnectionCls, _Watched):
            kind = pool.ConnectionCls
            pool.ConnectionCls = type(kind.__name__, (_Watched, kind), {})
        if seconds is not None:
            pool.ConnectionCls.seconds = seconds


class _Watched:
    seconds: float | None = None
    sock: socket.socket | None
    _alarm: Alarm | None = None

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._watch()

    def request(self, *args: Any, **options: Any) -> None:
        self._watch()  # a kept connection is not connected again
        super().request(*args, **options)  # type: ignore[misc]

    def _watch(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if self.sock is None:
            return
        if (limit := _current.get()) is not None:
            limit.watch(self.sock)
        elif self.seconds is not None:
            # Not cancelled after the response: the pool replaces a connection that ended while it was idle.
            self._alarm = WATCHDOG.call_after(self.seconds, partial(_shut_down, self.sock))


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


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


def retry_after(header: str, default: float = 0.0) -> float:
    """Parse a Retry-After header, a number or a date, to seconds, at most an hour; `default` if it is neither."""
    try:
        wait = float(header)
    except ValueError:
        try:
            wait = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return default
    return min(max(0.0, wait), _MAX_WAIT_SECONDS)
