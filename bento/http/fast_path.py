"""HTTP fast path before BentoML and FastAPI: count every request, and serve two routes directly.

A request to FastAPI mounted in a BentoML service passes about eight middlewares and two routers, which takes as
long as this project's own work. `POST /chat` and `POST /feedback` are therefore handled here. `bento.http.app` declares
the same two, with the same handlers, for the OpenAPI page and for use of that app alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import Counter, Histogram
from pydantic_core import to_json

from bento.http.asgi import (
    JSON,
    SECURITY_HEADERS,
    App,
    ClientLeftError,
    Message,
    Receive,
    Scope,
    Send,
    answer,
    answer_error,
    read_body,
    require_json,
)
from bento.http.draining import ConnectionDraining
from bento.http.limits import CLIENT_LEFT, CancelOnDisconnect, ConcurrencyLimit
from bento.http.metrics import Metrics
from chatbot.errors import ChatbotError

logger = logging.getLogger("bentoml.chatbot")

ROUTES = frozenset(
    {"/chat", "/feedback", "/version", "/intents", "/docs", "/openapi.json", "/metrics", "/livez", "/readyz"}
)
OTHER = "other"


class PostEndpoint:
    """Handles one `POST` route, as an ASGI app."""

    def __init__(
        self,
        handle: Callable[[bytes], Awaitable[bytes]],
        limiter: ConcurrencyLimit,
        *,
        status: int = 200,
        max_body_bytes: int,
        body_seconds: float,
        timeout_seconds: float,
    ) -> None:
        """Configure a route and its limits.

        Args:
            handle: maps the request body to the response body; raises a `ChatbotError` for a refused request.
            limiter: concurrency limit, shared by all routes.
            status: status of a successful response.
            max_body_bytes: maximum body size; a longer body is answered with 413.
            body_seconds: maximum time until the body has arrived.
            timeout_seconds: maximum duration of `handle`.
        """
        self._handle = handle
        self._limiter = limiter
        self._status = status
        self._max_body_bytes = max_body_bytes
        self._body_seconds = body_seconds
        self._timeout_seconds = timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer one request and return the status, for the metrics."""
        try:
            require_json(scope)
            body = await read_body(scope, receive, self._max_body_bytes, self._body_seconds)
            # The slot is taken only after the body has arrived, so that slow senders do not block others.
            with self._limiter, CancelOnDisconnect(receive, self._timeout_seconds):
                result = await self._handle(body)
        except ChatbotError as error:
            await answer_error(error, receive, send)
            return error.status
        except ClientLeftError:
            return CLIENT_LEFT
        except Exception:
            logger.exception("a request failed")
            problem = ChatbotError("an internal error: it was logged")
            await answer(send, problem.status, to_json(problem.body()), JSON)
            return problem.status
        await answer(send, self._status, result)
        return self._status


class FastPath:
    """ASGI middleware: metrics, security headers, and direct handling of the `posts` routes."""

    def __init__(
        self,
        app: App,
        posts: Mapping[str, PostEndpoint],
        metrics: Metrics,
        leaving: ConnectionDraining | None = None,
    ) -> None:
        """Wrap an app.

        Args:
            app: handles all other requests.
            posts: handlers of POST routes, by path.
            metrics: receives request counts and durations.
            leaving: connection draining; once begun, every response says `Connection: close`.
        """
        self._app = app
        self._posts = posts
        self._metrics = metrics
        self._leaving = leaving or ConnectionDraining(0)
        # Cached: looking up a metric by its labels costs more than incrementing it.
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request; forward other scopes (lifespan, WebSocket) to the app."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        path = scope["path"]
        status = CLIENT_LEFT
        if self._leaving.begun:
            send = self._leaving.closing(send)
        try:
            post = self._posts.get(path)
            if post is not None and scope["method"] == "POST":
                status = await post(scope, receive, send)
            else:
                guarded = _Guarded(send)
                try:
                    await self._app(scope, receive, guarded)
                finally:
                    status = guarded.status
        finally:
            self._count(path if path in ROUTES else OTHER, status, time.perf_counter() - began)

    def _count(self, route: str, status: int, seconds: float) -> None:
        known = self._known.get((route, status))
        if known is None:
            known = (
                self._metrics.requests.labels(route, str(status)),
                self._metrics.request_seconds.labels(route),
            )
            self._known[route, status] = known
        known[0].inc()
        known[1].observe(seconds)


class _Guarded:
    """Wraps `send`: adds the security headers and remembers the status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = CLIENT_LEFT

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            present = {name.lower() for name, _ in message.get("headers", ())}
            added = [(name, value) for name, value in SECURITY_HEADERS if name not in present]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await self._send(message)
