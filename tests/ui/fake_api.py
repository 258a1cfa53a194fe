"""An API that fails on demand, as the real one does only under load or when it breaks; for tests of the page.

As a program it answers a developer's page: `python -m tests.ui.fake_api 3000`.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.http_server import LoopbackServer, Request, Response, json_response

INTENTS: list[dict[str, Any]] = [
    {
        "name": "track_order",
        "title": "Track an order",
        "category": "ORDER",
        "examples": ["where is my parcel right now?"],
        "reply": "Sign in at https://shop.example.com/orders: it shows where your parcel is.",
    },
    {
        "name": "get_refund",
        "title": "Get a refund",
        "category": "REFUND",
        "examples": ["i want my money back for this"],
        "reply": "To ask for your money back, go to https://shop.example.com/returns and pick the order.",
    },
    {
        "name": "track_refund",
        "title": "Track a refund",
        "category": "REFUND",
        "examples": ["has my refund been paid out yet?"],
        "reply": "Your refund's progress is shown at https://shop.example.com/returns.",
    },
    {
        "name": "contact_human_agent",
        "title": "Talk to a person",
        "category": "CONTACT",
        "examples": ["let me talk to a real person"],
        "reply": "I put you through.",
    },
]


def answer(intent: str, confidence: float, source: str = "model", **more: Any) -> dict[str, Any]:
    """An answer as the API gives it."""
    known = {entry["name"]: entry for entry in INTENTS}
    return {
        "intent": intent,
        "response": known.get(intent, {}).get("reply", "I'd rather have a colleague look at this."),
        "confidence": confidence,
        "source": source,
        "alternatives": [],
        "handoff": False,
        "prediction_id": f"prediction-{time.monotonic_ns()}",
        "model_version": "fake",
        **more,
    }


def reply_to(message: str) -> dict[str, Any]:
    """An answer, a clarification or a handoff, by a word in the message."""
    if "human" in message:
        summary = f"Rule talk_to_human. The customer wrote: {message}"
        return answer("contact_human_agent", 1.0, "rule", handoff=True, summary=summary)
    if "unclear" in message:
        choices = [("get_refund", 0.48, "Get a refund"), ("track_refund", 0.39, "Track a refund")]
        alternatives = [{"intent": name, "confidence": sure, "title": title} for name, sure, title in choices]
        text = "I want to be sure I understand you. Which of these do you mean?"
        return answer("get_refund", 0.48, "clarify", response=text, alternatives=alternatives)
    if "strange" in message:
        summary = f"The bot was not sure enough. The customer wrote: {message}"
        return answer("out_of_scope", 0.21, "human", handoff=True, summary=summary)
    return answer("track_order", 0.94) if "parcel" in message else answer("get_refund", 0.78)


@dataclass
class FakeApi(LoopbackServer):
    """Answers like the API, and fails like it on demand.

    Attributes:
        failures: what the next requests to a path get instead of an answer, in order.
        seen: every request with a body: path and body.
    """

    delay: float = 0.0
    reply: Callable[[str], dict[str, Any]] = reply_to
    intents: list[dict[str, Any]] = field(default_factory=lambda: list(INTENTS))
    failures: dict[str, deque[tuple[int, Any, dict[str, str]]]] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def fail(self, path: str, status: int, kind: str = "error", details: Any = None, **headers: str) -> None:
        """Answer the next request to a path with an error."""
        body = {"error": {"type": kind, "message": "no", "details": details}}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.failures.setdefault(path, deque()).append((status, body, named))

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """What was sent to a path."""
        return [body for seen, body in self.seen if seen == path]

    def respond(self, request: Request) -> Response:
        path, body = request.path, request.json() if request.body else None
        if body is not None:
            self.seen.append((path, body))
        if failures := self.failures.get(path):
            status, error, headers = failures.popleft()
            return json_response(error, status, headers)
        if path == "/intents":
            return json_response(self.intents)
        if path == "/chat" and body is not None:
            time.sleep(self.delay)
            return json_response(self.reply(body["message"]))
        return json_response({"status": "ok"})


if __name__ == "__main__":
    FakeApi(port=int(sys.argv[1]), delay=0.6).start()
    threading.Event().wait()
