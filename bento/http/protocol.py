"""Limit HTTP/1.1 connections: size and deadline of a request's head, connections in total and per address.

uvicorn's httptools protocol has none of these: one client could fill memory with an endless header, or file descriptors
with half-sent requests. A request is refused in the API's error format and the connection is closed:

    400  malformed; HTTP/0.9; Host not given once      414  URL longer than MAX_URL_BYTES
    408  head not complete within `head_seconds`       431  head longer than MAX_HEAD_BYTES, or over MAX_HEADERS lines
    429  more than MAX_PIPELINED requests wait          503  all connections in use

A client that does not read its responses for `write_seconds` is disconnected: it would hold its connection forever.
A keep-alive connection ends with its next response (`Connection: close`) while the server drains, and when it is older
than `max_age_seconds`: in a cluster a connection stays with one pod, so clients that never reconnect would never reach
the pods of a scale-up.

The head is buffered and checked before it is parsed. An `Upgrade` header is removed: a server may ignore it (RFC 9110,
7.8), and the parser would otherwise discard the body of a request that offers h2c, as Java's HttpClient does.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic_core import to_json

from bento.http.asgi import JSON, Headers
from bento.http.coalescing import CoalescingProtocol
from bento.library_internals import Addresses
from chatbot.hosts import network_of

MAX_URL_BYTES = 8 << 10
MAX_HEAD_BYTES = 32 << 10
MAX_HEADERS = 100
MAX_PIPELINED = 16
"""Requests that may wait behind another one of the same connection."""
# Chunk sizes and trailers may take this much for each byte of the body, and a head's length on top.
_MAX_FRAMING_PER_BYTE = 16

_LONG_URL = 414, "url_too_long", f"the URL is longer than {MAX_URL_BYTES} bytes"
_LONG_HEAD = 431, "head_too_large", f"the head is longer than {MAX_HEAD_BYTES} bytes"
_MANY_HEADERS = 431, "head_too_large", f"more than {MAX_HEADERS} headers"

_VERSIONS = ("1.1", "1.0")
_WARNING_SECONDS = 60.0
_END = b"\r\n\r\n"
_CLOSE = (b"connection", b"close")
_UPGRADE = re.compile(rb"\r\nupgrade:[^\r\n]*", re.IGNORECASE)


def _lines(headers: Headers) -> bytes:
    return b"".join([b"%s: %s\r\n" % pair for pair in headers])


_JSON_LINES = _lines(JSON)


@cache
def _status_line(status: int) -> bytes:
    return b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode())


@dataclass(slots=True)
class ConnectionLimits:
    """Limits and state that all connections of a process share.

    Attributes:
        max_connections: maximum number of open connections; beyond it the oldest idle one is closed.
        max_per_address: maximum number per client address, or IPv6 network of 64 bits; 0: unlimited.
        trusted_proxies: addresses and networks that the limit per address exempts, because many clients share them.
        head_seconds: maximum time from a request's first byte to the end of its head.
        write_seconds: maximum time in which a client reads nothing of a response that waits for it.
        max_age_seconds: age from which a connection ends with its next response, up to a quarter more at random, so
            that clients that came together do not reconnect together; 0: unlimited.
        is_draining: whether every response ends its connection (connection draining).
        on_refused: called with the status of each refused request or connection.
        idle: connections between two requests, the longest idle first.
        by_address: number of open connections per client address, or IPv6 network of 64 bits.
    """

    max_connections: int = 10_000
    max_per_address: int = 0
    trusted_proxies: Addresses = frozenset({"127.0.0.1", "::1"})
    head_seconds: float = 10.0
    write_seconds: float = 30.0
    max_age_seconds: float = 0.0
    is_draining: Callable[[], bool] = lambda: False
    on_refused: Callable[[int], None] = lambda _status: None
    idle: OrderedDict[LimitedProtocol, None] = field(default_factory=OrderedDict)
    by_address: Counter[str] = field(default_factory=Counter)


class _Seldom(logging.Filter):
    """Passes a warning once a minute: a client that causes one per request would fill the disk of the log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._next: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        now = self._clock()
        if record.levelno > logging.WARNING or now >= self._next.get(str(record.msg), now):
            self._next[str(record.msg)] = now + _WARNING_SECONDS
            return True
        return False


_logger = logging.getLogger("uvicorn.error.protocol")
_logger.setLevel(logging.WARNING)
_logger.addFilter(_Seldom())


class _RefusedError(Exception):
    """Raised in a parser callback to stop parsing; the connection has been answered."""


class LimitedProtocol(CoalescingProtocol):
    """One connection. `limits` is set before the server starts, once per process."""

    limits: ClassVar[ConnectionLimits] = ConnectionLimits()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = _logger
        self._head = bytearray()  # of the next request, until it is complete
        self._in_head = True
        self._head_bytes = 0  # of a pipelined head, which the parser sees before it is complete
        self._parsed = 0  # bytes of the URL and headers of the current head
        self._framing = 0
        self._body_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None
        self._network = ""
        self._ends_at = math.inf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Admit the connection; beyond the limits close the longest idle one, or refuse this one."""
        super().connection_made(transport)
        # `pause_writing` is called whenever something waits for the client, not beyond 64 kB only.
        transport.set_write_buffer_limits(high=0)
        limits = self.limits
        if limits.max_age_seconds:
            self._ends_at = self.loop.time() + limits.max_age_seconds * random.uniform(1, 1.25)
        address = self.client[0] if self.client else ""
        self._network = network_of(address)
        limits.by_address[self._network] += 1
        if (
            0 < limits.max_per_address < limits.by_address[self._network]
            and address not in limits.trusted_proxies
        ):
            self._refuse(503, "overloaded", "too many connections from this address")
            return
        if len(self.connections) > limits.max_connections:
            oldest = next(iter(limits.idle), None)
            if oldest is None:
                self._refuse(503, "overloaded", "all connections are in use: try again")
                return
            limits.idle.pop(oldest)
            oldest.transport.abort()
        limits.idle[self] = None
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the connection's place."""
        limits = self.limits
        limits.idle.pop(self, None)
        limits.by_address[self._network] -= 1
        if limits.by_address[self._network] <= 0:
            del limits.by_address[self._network]
        self._stop_deadline()
        self._stop_write_deadline()
        self._disconnect_running()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Give the client `write_seconds` to read what has been sent, also when the connection is being closed."""
        super().pause_writing()
        self._stop_write_deadline()
        self._write_deadline = self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that the client has read."""
        self._stop_write_deadline()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Buffer and check a head, then parse it; pass on what belongs to a body."""
        if self.transport.is_closing():
            return
        if self.limits.idle.pop(self, True) is None:
            self._unset_keepalive_if_required()
            self._start_deadline()
        if not self._in_head:
            self._framing += len(data)
            super().data_received(data)
            if self._framing > MAX_HEAD_BYTES + _MAX_FRAMING_PER_BYTE * self._body_bytes:
                self._refuse(431, "head_too_large", f"trailers longer than {MAX_HEAD_BYTES} bytes")
            self._after_parsing()
            return
        if self._head_bytes:  # the head came behind another request: the parser has its beginning
            self._head_bytes += len(data)
            super().data_received(data)
            if self._head_bytes > MAX_HEAD_BYTES:  # and it is still not complete: the data is not of its body
                self._refuse(*_LONG_HEAD)
            self._after_parsing()
            return
        searched = max(0, len(self._head) - len(_END) + 1)
        # Empty lines before a request are ignored (RFC 9112, 2.2); kept, they would be taken for the end of its head.
        self._head += data if self._head else data.lstrip(b"\r\n")
        end = self._head.find(_END, searched)
        if end < 0:
            if len(self._head) > MAX_URL_BYTES and b"\r\n" not in self._head[: MAX_URL_BYTES + 1]:
                self._refuse(*_LONG_URL)
            elif len(self._head) > MAX_HEAD_BYTES:
                self._refuse(*_LONG_HEAD)
            return
        received, self._head = bytes(self._head), bytearray()
        head, rest = received[: end + len(_END)], received[end + len(_END) :]
        if not self._is_acceptable(head):
            return
        if b"upgrade:" in head.lower():
            head = _UPGRADE.sub(b"", head)
        super().data_received(head + rest)
        self._after_parsing()

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._in_head = True
        self._parsed = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Enforce the limit of a pipelined head's URL; that of any other head is checked before it is parsed."""
        self._parsed += len(url)
        if self._parsed > MAX_URL_BYTES:
            self._refuse(*_LONG_URL)
            raise _RefusedError
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Enforce the limits of a pipelined head, and of trailers, while they are parsed; discard trailers.

        A trailer must not become a header (RFC 9110, 6.5.1): no proxy removes its `X-Forwarded-For`.
        """
        self._parsed += len(name) + len(value)
        if self._parsed > MAX_HEAD_BYTES:
            self._refuse(*_LONG_HEAD)
            raise _RefusedError
        if len(self.headers) >= MAX_HEADERS:
            self._refuse(*_MANY_HEADERS)
            raise _RefusedError
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Require HTTP/1 and one Host header (RFC 9112, 3.2), then start the request."""
        self._in_head = False
        self._head_bytes = self._framing = self._body_bytes = 0
        self._stop_deadline()
        version = self.parser.get_http_version()
        if version not in _VERSIONS:  # 0.9: a request line without a version
            self._refuse(400, "bad_request", "only HTTP/1.0 and HTTP/1.1 are served")
            raise _RefusedError
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            self._refuse(400, "bad_request", "exactly one Host header is needed")
            raise _RefusedError
        if self.parser.should_upgrade():
            # CONNECT, or a pipelined head, from which the header is not removed. A WebSocket would escape all limits.
            self._refuse(400, "bad_request", "CONNECT, or Upgrade in a pipelined request, is not served")
            raise _RefusedError
        if len(self.pipeline) >= MAX_PIPELINED:
            self._refuse(429, "overloaded", f"more than {MAX_PIPELINED} requests wait on this connection")
            raise _RefusedError
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count the body, so that chunk framing and trailers stay in proportion to it."""
        self._body_bytes += len(body)
        self._framing -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the head of the next request."""
        super().on_message_complete()
        self._in_head = True

    def on_response_complete(self) -> None:
        """Note that the connection is idle; uvicorn closes it after its keep-alive timeout."""
        super().on_response_complete()
        # The latest request is not complete if uvicorn has just started it, or if it still waits in the pipeline.
        is_idle = self.cycle.response_complete and not self._head and not self._head_bytes
        if is_idle and not self.transport.is_closing():
            self.limits.idle[self] = None

    def send_400_response(self, msg: str) -> None:
        """Answer a parser error in the API's format, unless the request was refused already."""
        if not self.transport.is_closing():
            self._refuse(400, "bad_request", msg)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._end_if_due(cycle)
        super()._start_asgi_task(cycle, app)

    def _end_if_due(self, cycle: Any) -> None:
        """Let the connection end with the response of this request, if it is old or the server drains."""
        if self.limits.is_draining() or self.loop.time() >= self._ends_at:
            cycle.keep_alive = False  # what uvicorn sets for its last response before it stops

    def _write(self, status: int, body: bytes, headers: Headers, *, closes: bool) -> None:
        """Send a complete response in one write; close the connection if it `closes` or a header says so."""
        lines = _JSON_LINES if headers is JSON else _lines(headers)
        end = b"content-length: %d\r\n" % len(body)
        if closes and _CLOSE not in headers:
            end += b"connection: close\r\n"
        before = _lines(self.server_state.default_headers)
        self.transport.write(b"".join([_status_line(status), before, lines, end, b"\r\n", body]))
        if closes or _CLOSE in headers:
            self.transport.close()

    def _is_acceptable(self, head: bytes) -> bool:
        line = head.find(b"\r\n")
        if line > MAX_URL_BYTES:
            self._refuse(*_LONG_URL)
        elif len(head) > MAX_HEAD_BYTES:
            self._refuse(*_LONG_HEAD)
        elif head.count(b"\r\n") - 2 > MAX_HEADERS:
            self._refuse(*_MANY_HEADERS)
        else:
            return True
        return False

    def _after_parsing(self) -> None:
        """Start the deadline of a head that came behind another request in the same data."""
        if (
            self.parser is not None
            and self._in_head
            and self.scope is not None
            and not self.transport.is_closing()
        ):
            begun = self.cycle is not None and self.scope is not self.cycle.scope
            if begun and not self._head_bytes:
                self._head_bytes = 1
                self._start_deadline()

    def _start_deadline(self) -> None:
        self._stop_deadline()
        self._deadline = self.loop.call_later(self.limits.head_seconds, self._give_up)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_write_deadline(self) -> None:
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._head or self._head_bytes:
            seconds = self.limits.head_seconds
            self._refuse(408, "too_slow", f"the request's head did not arrive within {seconds:g} s")
        else:
            self.transport.close()

    def _disconnect_running(self) -> None:
        """Tell the running request that its client left: it would write to a closed transport, which is an error."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def _refuse(self, status: int, kind: str, message: str) -> None:
        """Answer in the API's error format and close."""
        if self.transport.is_closing():
            return
        self._stop_deadline()
        self.limits.idle.pop(self, None)
        running = self._running
        self._disconnect_running()
        # Else a response is in progress; if it has not started, the error is sent instead.
        if running is None or running.response_complete or not running.response_started:
            body = to_json({"error": {"type": kind, "message": message, "details": {}}})
            self._write(status, body, JSON, closes=True)
        self.transport.close()
        self.limits.on_refused(status)
