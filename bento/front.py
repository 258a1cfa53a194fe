"""HTTP fast path before BentoML and FastAPI: count every request, and serve two routes directly.

A request to FastAPI mounted in a BentoML service passes about eight middlewares and two routers, which takes as
long as this project's own work. `POST /chat` and `POST /feedback` are therefore handled here. `bento.api` declares
the same two, with the same handlers, for the OpenAPI page and for use of that app alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from prometheus_client import Counter, Histogram

from bento.asgi import SECURITY_HEADERS, App, Message, Receive, Scope, Send
from bento.leaving import Leaving
from bento.metrics import Metrics
from bento.post import CLIENT_LEFT, Post

ROUTES = frozenset(
    {"/chat", "/feedback", "/version", "/intents", "/docs", "/openapi.json", "/metrics", "/livez", "/readyz"}
)
OTHER = "other"


class Front:
    """ASGI middleware: metrics, security headers, and direct handling of the `posts` routes."""

    def __init__(
        self, app: App, posts: Mapping[str, Post], metrics: Metrics, leaving: Leaving | None = None
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
        self._leaving = leaving or Leaving(0)
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
