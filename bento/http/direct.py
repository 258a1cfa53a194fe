"""Answer a POST route from the HTTP protocol, without ASGI: no task, no messages, no deadline of the body.

Only requests that need none of them: complete as they arrive, from a client that reads, and nothing but their route
decides about them. `bento.http.fast_path` answers all others, and these in the same way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from pydantic_core import to_json

from bento.http.asgi import (
    JSON,
    ClientLeft,
    Headers,
    Scope,
    error_headers,
    header,
    reported,
    require_json,
)
from bento.http.limits import CLIENT_LEFT, RequestLimits
from bento.http.protocol import LimitedProtocol
from chatbot.errors import Unavailable

Respond = Callable[[int, bytes, Headers], None]
"""Sends a complete response: status, body, headers without the length."""


@dataclass(frozen=True, slots=True)
class DirectRoute:
    """A POST route whose complete requests are answered directly.

    Attributes:
        handle: maps the request body to the response body; raises a `ChatbotError` for a refused request.
        count: called with status and duration in seconds of each request.
        check: admits a request, or raises a `ChatbotError`; None: all are admitted.
    """

    path: str
    handle: Callable[[bytes], Awaitable[bytes]]
    limits: RequestLimits
    count: Callable[[int, float], None]
    check: Callable[[Scope], None] | None = None

    def takes(self, scope: Scope, body_bytes: int) -> bool:
        """Whether a request whose body has arrived is one of this route; those with CORS are not."""
        return (
            scope["path"] == self.path
            and scope["method"] == "POST"
            and body_bytes <= self.limits.max_body_bytes
            and header(scope, b"origin") is None
        )


class DirectExchange:
    """A request from the arrival of its body to its response."""

    __slots__ = ("_answer", "_expired", "_respond", "_route", "_since", "_start", "_timer")

    def __init__(self, route: DirectRoute, scope: Scope, body: bytes, respond: Respond) -> None:
        """Begin: hand over the body to the route, or refuse the request."""
        self._route = route
        self._respond = respond
        self._start = time.perf_counter()
        self._expired = False
        self._answer: asyncio.Future[bytes] | None = None
        limits = route.limits
        try:
            if route.check is not None:
                route.check(scope)
            require_json(scope)
            self._since = limits.concurrency.acquire()
        except Exception as error:
            self._fail(error)
            return
        try:
            self._answer = asyncio.ensure_future(route.handle(body))
        except Exception as error:
            limits.concurrency.release(self._since)
            self._fail(error)
            return
        self._timer = self._answer.get_loop().call_later(limits.timeout_seconds, self._expire)
        self._answer.add_done_callback(self._finish)

    def leave(self) -> None:
        """Cancel the request: its client has left."""
        if self._answer is not None:
            self._answer.cancel()

    def _expire(self) -> None:
        self._expired = True
        self.leave()

    def _finish(self, answer: asyncio.Future[bytes]) -> None:
        self._timer.cancel()
        self._route.limits.concurrency.release(self._since)
        try:
            body = answer.result()
        except asyncio.CancelledError:
            seconds = self._route.limits.timeout_seconds
            self._fail(
                Unavailable(f"no answer within {seconds:g} s: try again") if self._expired else ClientLeft()
            )
        except Exception as error:
            self._fail(error)
        else:
            self._end(200, body, JSON)

    def _fail(self, error: Exception) -> None:
        problem = reported(error)
        if problem is None:
            self._end(CLIENT_LEFT, b"", [])
        else:
            self._end(problem.status, to_json(problem.body()), [*JSON, *error_headers(problem)])

    def _end(self, status: int, body: bytes, headers: Headers) -> None:
        if status != CLIENT_LEFT:
            self._respond(status, body, headers)
        self._route.count(status, time.perf_counter() - self._start)


class DirectProtocol(LimitedProtocol):
    """One connection. `route` is set before the server starts, once per process; None: the app answers everything."""

    route: ClassVar[DirectRoute | None] = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_parsing = False
        self._begun: tuple[Any, Any] | None = None  # a request that is being parsed, and its app
        self._exchange: DirectExchange | None = None

    def data_received(self, data: bytes) -> None:
        """Parse all data, then answer the request that started in it: its body may have arrived with its head."""
        self._is_parsing = True
        super().data_received(data)
        self._is_parsing = False
        if self._begun is not None:
            (cycle, app), self._begun = self._begun, None
            self._answer(cycle, app)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if self._is_parsing and self.route is not None and app is self.app:
            self._begun = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def _answer(self, cycle: Any, app: Any) -> None:
        """Answer a request directly, or by the app."""
        is_closing = self.transport.is_closing()
        if (
            self.route is None
            or is_closing
            or cycle.more_body
            or cycle.waiting_for_100_continue
            or self.flow.write_paused
            or not self.route.takes(cycle.scope, len(cycle.body))
        ):
            cycle.disconnected = is_closing
            self._start_asgi_task(cycle, app)
            return
        self._end_if_due(cycle)
        respond = partial(self._respond, cycle)
        self._exchange = DirectExchange(self.route, cycle.scope, bytes(cycle.body), respond)

    def _respond(self, cycle: Any, status: int, body: bytes, headers: Headers) -> None:
        self._exchange = None
        if self.transport.is_closing():
            return
        cycle.response_started = cycle.response_complete = True
        self._write(status, body, headers, closes=not cycle.keep_alive)
        self.on_response_complete()

    def _disconnect_running(self) -> None:
        if self._exchange is not None:
            self._exchange.leave()
        super()._disconnect_running()
