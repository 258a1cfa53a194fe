"""The API with a model made of paper: the real app, router, gathering and limits, no processes, no encoder."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from bento.chat.handler import Chat
from bento.http import schemas
from bento.http.access import Access
from bento.http.api_keys import ApiKeys
from bento.http.app import About, create_app, post_routes
from bento.http.fast_path import FastPath
from bento.http.limits import ConcurrencyLimit, RequestLimits
from bento.http.metrics import Metrics
from bento.http.rate_limit import RateLimit
from chatbot.dialog.replies import Replies, ReplyText
from chatbot.dialog.router import Alternative, Prediction, Router, Thresholds
from chatbot.dialog.rules import Rule, Rules
from chatbot.settings import ServiceSettings

KEY = b"k" * 32
INTENTS = ("get_refund", "cancel_order", "track_order")


@dataclass
class PaperLog:
    """Remembers what it was given."""

    writes: list[list[Any]] = field(default_factory=list)
    feedback: list[Any] = field(default_factory=list)

    def append(self, records: Sequence[Any]) -> None:
        self.writes.append(list(records))

    def append_feedback(self, feedback: Any) -> None:
        self.feedback.append(feedback)


async def classify(messages: Sequence[str]) -> list[Prediction]:
    """`track` tracks, `cancel` cancels, all else is a refund; `maybe` is unsure, `zebra` out of scope."""
    await asyncio.sleep(0)
    predictions = []
    for message in messages:
        likeliest = (
            "track_order" if "track" in message else "cancel_order" if "cancel" in message else "get_refund"
        )
        sure = 0.45 if "maybe" in message else 0.95
        others = [Alternative(intent, (1 - sure) / 2) for intent in INTENTS if intent != likeliest]
        scope = 0.1 if "zebra" in message else 0.9
        predictions.append(Prediction([Alternative(likeliest, sure), *others], scope, [0.0]))
    return predictions


@dataclass
class Api:
    """The app, what stands behind it, and a client of it."""

    app: FastPath
    behind: FastAPI
    """The FastAPI app alone, without the fast path."""
    chat: Chat
    log: PaperLog
    metrics: Metrics

    def client(self, address: str = "127.0.0.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=(address, 123))
        return httpx.AsyncClient(transport=transport, base_url="http://chatbot")

    def send(self, method: str, path: str, *, address: str = "127.0.0.1", **options: Any) -> httpx.Response:
        """One request, from outside an event loop."""

        async def ask() -> httpx.Response:
            async with self.client(address) as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def post(self, path: str, body: bytes, content_type: str = "application/json") -> httpx.Response:
        return self.send("POST", path, content=body, headers={"content-type": content_type})


def paper_api(
    classify: Callable[[Sequence[str]], Awaitable[list[Prediction]]] = classify,
    *,
    max_concurrency: int = 64,
    timeout_seconds: float = 2.0,
    body_seconds: float = 2.0,
    keys: Path | None = None,
    is_metrics_apart: bool = False,
    clock: Callable[[], float] = time.monotonic,
    save_contact: Callable[[str, bytes], None] | None = None,
    cache_entries: int = 0,
    **settings: Any,
) -> Api:
    """The app around `classify`."""
    replies = Replies(
        {i: ReplyText(response=f"About {i}: ask {{company}}.", examples=("x",)) for i in INTENTS}
    )
    rules = Rules((Rule(name="lawyer", action="human", intent="complaint", patterns=("i will sue you",)),))
    router = Router(
        rules,
        replies,
        Thresholds(answer=0.7, clarify=0.5, scope=0.3),
        {"company": "ACME", "support_hours": "9 to 5", "support_email": "help@acme.example"},
    )
    log, metrics = PaperLog(), Metrics()
    service = ServiceSettings(**settings)
    api_keys = ApiKeys(keys, clock) if keys else None
    burst, refused = service.rate_limit_burst_seconds, metrics.count_rate_limited
    chat = Chat(
        router,
        classify,
        log,
        metrics,
        intents=frozenset(INTENTS),
        key=KEY,
        model_version="paper",
        bundle_digest="0" * 64,
        concurrency=2,
        max_batch=8,
        max_chars=4000,
        limit_session=RateLimit("session", service.rate_limit_session, burst, refused, clock).take,
        limit_prediction=RateLimit("prediction", service.rate_limit_prediction, burst, refused, clock).take,
        save_contact=save_contact,
        cache_entries=cache_entries,
    )
    routes = post_routes(
        lambda: chat,
        RequestLimits(
            ConcurrencyLimit(max_concurrency, metrics.in_flight), 65_536, body_seconds, timeout_seconds
        ),
    )
    version = schemas.ModelDescription(
        service="1",
        model_version="paper",
        bundle_digest="0" * 64,
        corpus_digest="c",
        git_commit="",
        trained=datetime(2026, 1, 1, tzinfo=UTC),
        encoder="none",
        thresholds={},
        target={},
        scores={},
    )
    app = create_app(
        lambda: About(version, ()), routes, None if is_metrics_apart else metrics, needs_key=bool(keys)
    )
    fast_path = FastPath(
        app,
        {route.path: route.post for route in routes if not route.param_convertors},
        metrics,
        access=Access(service, api_keys, refused, clock),
        cors_origins=service.cors_origins,
    )
    return Api(fast_path, app, chat, log, metrics)
