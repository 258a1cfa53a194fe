"""A real HTTP receiver of handoffs that fails, hangs and recovers as told; it checks every signature by itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "a secret of more than sixteen characters"


@dataclass
class Receiver:
    """Takes handoffs at `url`.

    Attributes:
        answers: what the next requests get instead of 204, in order: a status, or a status with headers.
        refuse: prediction ids that are answered 422.
        delay: seconds before each answer.
        taken: bodies that were answered 204.
        seen: every request's prediction id, taken or not.
        forged: requests whose signature is not right.
    """

    port: int = 0
    delay: float = 0.0
    answers: deque[Any] = field(default_factory=deque)
    refuse: set[str] = field(default_factory=set)
    taken: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/handoffs?team=support"

    @property
    def ids(self) -> Counter[str]:
        """How often each handoff was taken."""
        return Counter(body["data"]["prediction_id"] for body in self.taken)

    def start(self) -> Receiver:
        """Listen, on the port it had before if it had one."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def wait(self, count: int, seconds: float = 15.0) -> None:
        """Wait until so many different handoffs were taken."""
        until = time.monotonic() + seconds
        while len(self.ids) < count:
            assert time.monotonic() < until, f"{len(self.ids)} of {count} handoffs came in {seconds} s"
            time.sleep(0.02)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                if len(body) < length:  # whoever sent it was killed on the way
                    return
                status, headers = receiver.take(self.path, dict(self.headers), body)
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", "0")
                    self.end_headers()
                except OSError:
                    pass

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        """Take note of a request; the status and headers to answer with."""
        headers = {name.lower(): value for name, value in headers.items()}
        name = headers["webhook-id"]
        self.paths.append(path)
        self.seen.append(name)
        signed = f"{name}.{headers['webhook-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
        late = abs(time.time() - int(headers["webhook-timestamp"])) > 60
        if headers["webhook-signature"] != f"v1,{digest}" or headers["idempotency-key"] != name or late:
            self.forged.append(name)
            return 401, {}
        time.sleep(self.delay)
        answer = self.answers.popleft() if self.answers else 204
        if name in self.refuse:
            answer = 422
        status, more = answer if isinstance(answer, tuple) else (answer, {})
        if status == 204:
            self.bodies.append(body)
            self.taken.append(json.loads(body))
        return status, more
