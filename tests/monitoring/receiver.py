"""HTTP receiver of handoffs that fails, hangs and recovers on demand, and verifies every signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.support.http_server import LoopbackServer, Request, Response
from tests.support.waiting import eventually

SECRET = "a secret of more than sixteen characters"


@dataclass
class Receiver(LoopbackServer):
    """Takes handoffs at `url`.

    Attributes:
        answers: what the next requests get instead of 204, in order: a status, or a status with headers.
        refuse: prediction ids that are answered 422.
        delay: seconds before each answer.
        taken: bodies that were answered 204.
        seen: every request's prediction id, taken or not.
        forged: requests whose signature is not right.
    """

    protocol_version: ClassVar[str] = "HTTP/1.1"
    delay: float = 0.0
    answers: deque[Any] = field(default_factory=deque)
    refuse: set[str] = field(default_factory=set)
    taken: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/handoffs?team=support"

    @property
    def ids(self) -> Counter[str]:
        """How often each handoff was taken."""
        return Counter(body["data"]["prediction_id"] for body in self.taken)

    def wait(self, count: int, seconds: float = 15.0) -> None:
        """Wait until so many different handoffs were taken."""
        eventually(
            lambda: len(self.ids) >= count, seconds, state=lambda: f"{len(self.ids)} of {count} handoffs"
        )

    def respond(self, request: Request) -> Response:
        """Record a request; answer it as told."""
        headers, body, name = request.headers, request.body, request.headers["webhook-id"]
        self.paths.append(request.path)
        self.seen.append(name)
        signed = f"{name}.{headers['webhook-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
        late = abs(time.time() - int(headers["webhook-timestamp"])) > 60
        if headers["webhook-signature"] != f"v1,{digest}" or headers["idempotency-key"] != name or late:
            self.forged.append(name)
            return 401, {}, b""
        time.sleep(self.delay)
        answer = self.answers.popleft() if self.answers else 204
        if name in self.refuse:
            answer = 422
        status, more = answer if isinstance(answer, tuple) else (answer, {})
        if status == 204:
            self.bodies.append(body)
            self.taken.append(json.loads(body))
        return status, more, b""
