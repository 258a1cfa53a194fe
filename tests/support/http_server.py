"""Start and stop a threaded HTTP server on loopback: the base of the tests' own servers."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass
class LoopbackServer:
    """Serves `handler()` in a thread.

    Attributes:
        port: 0: a free port; a stopped server starts again on the same one.
    """

    port: int = 0
    _server: ThreadingHTTPServer | None = None

    def start(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self.handler())
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

    def handler(self) -> type[BaseHTTPRequestHandler]:
        raise NotImplementedError
