"""Serve a simulated model registry over HTTP, behind a login; `/health` answers anyone, as MLflow's does."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.k8s.memory_api import Registry
from tests.support.http_server import Request, Response, serving


@contextmanager
def serve(registry: Registry, user: str, password: str) -> Iterator[str]:
    """Serve the registry over HTTP with basic authentication; yield the address."""
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def respond(request: Request) -> Response:
        parts = urlsplit(request.path)
        if parts.path == "/health":
            return 200, {}, b"OK"
        if request.headers["Authorization"] != expected:
            return 401, {}, b"log in"
        return 200, {}, registry.handle("GET", "", parts.path, parts.query, b"")

    with serving(respond) as server:
        yield server.url
