"""Serve a simulated model registry over HTTP, behind a login; `/health` answers anyone, as MLflow's does."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from tests.k8s.memory_api import Registry


@contextmanager
def serve(registry: Registry, user: str, password: str) -> Iterator[str]:
    """Serve the registry over HTTP with basic authentication; yield the address."""
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            allowed = parts.path == "/health" or self.headers["Authorization"] == expected
            body = b"log in"
            if allowed:
                body = (
                    b"OK"
                    if parts.path == "/health"
                    else registry.handle("GET", "", parts.path, parts.query, b"")
                )
            self.send_response(200 if allowed else 401)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
