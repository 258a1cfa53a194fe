"""HTTP fast path before BentoML and FastAPI: count every request, and serve two routes directly.

A request to FastAPI mounted in a BentoML service passes about eight middlewares and two routers, which takes as
long as this project's own work. The POST routes that `bento.http.app` declares are therefore handled here.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from prometheus_client import Counter, Histogram

from bento.http.access import Access, Cors
from bento.http.asgi import (
    OTHER,
    SECURITY_HEADERS,
    App,
    Message,
    Receive,
    Scope,
    Send,
    answer,
    answer_error,
    header,
    is_served,
    no_such_route,
    read_body,
    reported,
    require_json,
    route_of,
)
from bento.http.direct import DirectRoute
from bento.http.limits import CLIENT_LEFT, CancelOnDisconnect, RequestLimits
from bento.http.metrics import Metrics
from chatbot.errors import ChatbotError

PROBES = frozenset({"/livez", "/readyz"})
"""Liveness and readiness probes: the only routes of BentoML that are served. Its pages (`/schema.json`, `/docs.json`,
`/`) are not."""


class PostEndpoint:
    """Handles one `POST` route, as an ASGI app."""

    def __init__(
        self,
        handle: Callable[..., Awaitable[bytes]],
        limits: RequestLimits,
        status: int = 200,
    ) -> None:
        """Configure a route.

        Args:
            handle: maps the request body, and the parameters of the path, to the response body; raises a
                `ChatbotError` for a refused request.
            limits: limits of size, time and concurrency.
            status: status of a successful response.
        """
        self.handle = handle
        self.limits = limits
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer one request and return the status, for the metrics."""
        limits = self.limits
        try:
            require_json(scope)
            body = await read_body(scope, receive, limits.max_body_bytes, limits.body_seconds)
            # The slot is taken only after the body has arrived, so that slow senders do not block others.
            since = limits.concurrency.acquire()
            try:
                with CancelOnDisconnect(receive, limits.timeout_seconds):
                    result = await self.handle(body, **scope.get("path_params", {}))
            finally:  # also of a client that did not wait for the answer
                limits.concurrency.release(since)
        except Exception as error:
            problem = reported(error)
            if problem is None:
                return CLIENT_LEFT
            await answer_error(problem, receive, send)
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
        *,
        bentoml: App | None = None,
        access: Access | None = None,
        cors_origins: str = "",
    ) -> None:
        """Wrap an app.

        Args:
            app: handles all other requests.
            posts: handlers of POST routes, by path.
            metrics: receives request counts and durations.
            bentoml: BentoML's app, for its lifespan and `PROBES`; None in tests.
            access: API keys and rate limits; None: every request is allowed.
            cors_origins: origins that a browser may call the API from, comma-separated.
        """
        self._app = app
        self._bentoml = bentoml or app
        self._access = access
        self._cors = Cors(self._serve, cors_origins) if cors_origins else None
        self._posts = posts
        self._metrics = metrics
        # Cached: looking up a metric by its labels costs more than incrementing it.
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request; forward other scopes (lifespan, WebSocket) to the app."""
        if scope["type"] != "http":
            await (self._bentoml if scope["type"] == "lifespan" else self._app)(scope, receive, send)
            return
        start = time.perf_counter()
        path = scope["path"]
        status = CLIENT_LEFT
        try:
            if self._cors is not None and header(scope, b"origin") is not None:
                counted = _SecuredSend(send)
                await self._cors(scope, receive, counted)
                status = counted.status
            else:
                status = await self._serve(scope, receive, send)
        finally:
            self._count(route_of(path), status, time.perf_counter() - start)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Check access, answer the request and return the status."""
        path = scope["path"]
        if self._access is not None:
            try:
                self._access.check(scope)
            except ChatbotError as error:
                await answer_error(error, receive, send)
                return error.status
        post = self._posts.get(path)
        if post is not None and scope["method"] == "POST":
            return await post(scope, receive, send)
        secured = _SecuredSend(send)
        if not is_served(path):  # access was checked for another route than FastAPI would choose
            await answer_error(no_such_route(), receive, secured)
            return secured.status
        if scope["method"] == "HEAD":  # FastAPI has no routes for it, and the server leaves out the body
            scope = {**scope, "method": "GET"}
        try:
            await (self._bentoml if path in PROBES else self._app)(scope, receive, secured)
        except Exception as error:
            problem = reported(error)
            # Otherwise the app has answered, in the API's error format.
            if problem is not None and secured.status == CLIENT_LEFT:
                await answer_error(problem, receive, secured)
        return secured.status

    def direct(self, path: str) -> DirectRoute | None:
        """Return the route of messages for the protocol to answer; None: it does not know the client's address."""
        if self._access is not None and self._access.needs_address:
            return None
        post, check = self._posts[path], None if self._access is None else self._access.check
        return DirectRoute(path, post.handle, post.limits, partial(self._count, route_of(path)), check)

    def count_refused(self, status: int) -> None:
        """Count a request or connection that was refused before it reached the app."""
        self._metrics.requests.labels(OTHER, str(status)).inc()

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


class _SecuredSend:
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
