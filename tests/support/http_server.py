"""Serve HTTP on loopback from a function: the base of the tests' own servers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self

Response = tuple[int, Mapping[str, str], bytes]
"""Status, headers with names in lower case, and body."""


@dataclass(frozen=True)
class Request:
    """A request as it arrived; the names of `headers` are matched in any case."""

    method: str
    path: str
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def json_response(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with JSON."""
    return status, {"content-type": "application/json", **(headers or {})}, json.dumps(content).encode()


@dataclass
class LoopbackServer:
    """Answers every request by `respond`, each connection in a thread.

    Attributes:
        port: 0: a free port; a stopped server starts again on the same one.
    """

    protocol_version: ClassVar[str] = "HTTP/1.0"
    port: int = 0
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, host: str = "127.0.0.1") -> Self:
        self._server = ThreadingHTTPServer((host, self.port), _handler(self.respond, self.protocol_version))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def respond(self, request: Request) -> Response:
        raise NotImplementedError


@contextmanager
def serving(respond: Callable[[Request], Response], host: str = "127.0.0.1") -> Iterator[LoopbackServer]:
    """Serve a function during a block."""
    server = LoopbackServer()
    server.respond = respond  # type: ignore[method-assign]
    server.start(host)
    try:
        yield server
    finally:
        server.stop()


def _handler(respond: Callable[[Request], Response], version: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = version

        def _answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            if len(body) < length:  # the sender was killed meanwhile
                return
            status, headers, content = respond(Request(self.command, self.path, self.headers, body))
            with suppress(OSError):
                self.send_response(status)
                for name, value in {"content-length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = _answer  # noqa: N815 - the names of http.server

        def log_message(self, *_: object) -> None:
            pass

    return Handler
