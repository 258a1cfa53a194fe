"""Handle messages and feedback: router, runner, router again, record, reply. Independent of HTTP."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol

from pydantic import TypeAdapter
from pydantic_core import to_json

from bento.chat.batcher import RequestBatcher, TurnBatcher
from bento.chat.conversations import Conversations
from bento.chat.prediction_cache import PredictionCache
from bento.http.metrics import Metrics
from bento.http.schemas import ChatRequest, ContactRequest, FeedbackRequest, parse
from chatbot import ids
from chatbot.dialog.message import OUT_OF_SCOPE, WARM_UP, clean
from chatbot.dialog.router import Prediction, Reply, Router
from chatbot.errors import ChatbotError, InvalidMessage, NotFound, StoreError, Unavailable
from chatbot.privacy import redact_with_core
from chatbot.records.contact import contact_of
from chatbot.records.handoff import Handoff
from chatbot.records.schema import Feedback, Record

Classify = Callable[[Sequence[str]], Awaitable[list[Prediction]]]

_PROBE_SECONDS = 2.0

logger = logging.getLogger("bentoml.chatbot")

_MAX_RATED = 10_000
"""Maximum number of predictions remembered as rated; the oldest are evicted."""

_chat_request = TypeAdapter(ChatRequest)
_feedback_request = TypeAdapter(FeedbackRequest)
_contact_request = TypeAdapter(ContactRequest)

_CONTACT_AGE = timedelta(days=1)
"""Age of a handoff up to which contact data is accepted."""


def _unlimited(_client: str) -> None:
    """Limit nothing."""


class Log(Protocol):
    """Interface of the inference log (`monitoring.inference_log.log.InferenceLog`)."""

    def append(self, records: Sequence[Record]) -> None: ...
    def append_feedback(self, feedback: Feedback) -> None: ...


class Handoffs(Protocol):
    """Interface of the handoff log (`monitoring.handoffs.log.HandoffLog`): never raises, never waits for a network."""

    def append(self, handoffs: Sequence[Handoff]) -> None: ...


@dataclass(frozen=True, slots=True)
class _PendingMessage:
    """A message that waits for its reply.

    Attributes:
        message: cleaned. redacted: the same without personal data. core: the text that the model sees.
        since: when it arrived (`perf_counter`).
        earlier: the record of an earlier message with the same text and reply; None: none is known.
    """

    message: str
    session_id: str
    since: float
    redacted: str = ""
    core: str = ""
    earlier: Record | None = None


class Chat:
    """Answers messages and accepts feedback; one per process, on one event loop."""

    def __init__(
        self,
        router: Router,
        classify: Classify,
        log: Log,
        metrics: Metrics,
        *,
        intents: frozenset[str],
        key: bytes,
        model_version: str,
        bundle_digest: str,
        concurrency: int,
        max_batch: int,
        max_chars: int,
        handoffs: Handoffs | None = None,
        conversations: Conversations | None = None,
        limit_session: Callable[[str], None] = _unlimited,
        limit_prediction: Callable[[str], None] = _unlimited,
        save_contact: Callable[[str, bytes], None] | None = None,
        cache_entries: int = 0,
    ) -> None:
        """Configure the handler; starts no task before the first message.

        Args:
            router: decides how each message is answered.
            classify: calls the runner; returns one prediction per message, in input order.
            log: stores records and feedback.
            metrics: the metrics of this process.
            intents: intents that feedback may name.
            key: key of the MAC in prediction ids.
            model_version: the model's name in replies and records.
            bundle_digest: digest of the served bundle.
            concurrency: maximum number of concurrent calls of `classify`.
            max_batch: maximum number of messages per call (request batching).
            max_chars: maximum length of a message in characters.
            handoffs: accepts handoffs; None: they are not delivered.
            conversations: stores the turns before a handoff.
            limit_session: called for each message with its (hashed) session; raises RateLimited.
            limit_prediction: called for each feedback and each change of contact data; raises RateLimited.
            save_contact: stores contact data of a handoff; may block; None: replies offer no field for it.
            cache_entries: maximum number of predictions cached for exact repeats; 0: none.
        """
        self._router = router
        self._classify = classify
        self._log = log
        self._metrics = metrics
        self._intents = intents | {OUT_OF_SCOPE}
        self._rated: dict[str, None] = {}
        self._limit_session = limit_session
        self._limit_prediction = limit_prediction
        self._key = key
        self._model_version = model_version
        self._bundle_digest = bundle_digest
        self._max_chars = max_chars
        self._handoffs = handoffs
        self._conversations = conversations
        self._save_contact = save_contact
        # Cached: looking up a metric by its labels costs more than incrementing it.
        self._predictions, lookups = cache(metrics.predictions.labels), cache(metrics.cache.labels)
        self._cache = PredictionCache(cache_entries, lambda outcome: lookups(outcome).inc())
        self._batcher: RequestBatcher[_PendingMessage, bytes] = RequestBatcher(
            self._classify_batch, concurrency, max_batch, self._observe_waits
        )
        # Messages that need no runner are batched too, so that they share one write to the log.
        self._decided: TurnBatcher[tuple[_PendingMessage, Reply], bytes] = TurnBatcher(self._finish_decided)
        self._last_classified = time.monotonic()
        self._is_runner_available = False
        self._probe: asyncio.Task[bool] | None = None

    def reply(self, body: bytes) -> asyncio.Future[bytes]:
        """Answer the body of a `POST /chat`. The record is in the inference log when the future has its result.

        Raises:
            InvalidMessage: the body is invalid, or its message is empty or too long.
            RateLimited: too many messages of this session.
            Unavailable: set as the future's exception: the model is not running.
        """
        since = time.perf_counter()
        request = parse(_chat_request, body)
        if len(request.message) > self._max_chars:
            raise InvalidMessage(
                f"`message` is {len(request.message)} characters long, the limit is {self._max_chars}",
                [{"field": "message", "problem": "too long", "limit": self._max_chars}],
            )
        message = clean(request.message)
        if not message:
            raise InvalidMessage("`message` is empty", [{"field": "message", "problem": "empty"}])
        session_id = ""
        if request.session_id not in (None, ""):
            session_id = ids.opaque(self._key, str(request.session_id))
            self._limit_session(session_id)
        if (answer := self._cache.answer_to(message)) is not None:
            reply, record = answer
            repeat = _PendingMessage(message, session_id, since, earlier=record)
            return self._decided.submit((repeat, reply))
        decided = self._router.before_model(message)
        if decided is not None:
            return self._decided.submit((_PendingMessage(message, session_id, since), decided))
        # Personal data beside the question must not change how it is understood.
        pending = _PendingMessage(message, session_id, since, *redact_with_core(message))
        prediction = self._cache.get(pending.core)
        if prediction is not None:
            reply = self._router.after_model(message, prediction, pending.redacted)
            return self._decided.submit((pending, reply))
        return self._batcher.submit(pending)

    async def take_feedback(self, body: bytes) -> bytes:
        """Record the body of a `POST /feedback`.

        Raises:
            InvalidMessage: the body does not match the schema, or names an unknown intent.
            NotFound: the prediction id was not issued by this bot (its MAC does not verify).
            RateLimited: too much feedback on this prediction.
        """
        request = parse(_feedback_request, body)
        if not ids.is_ours(self._key, request.prediction_id):
            raise NotFound("no prediction has this `prediction_id`")
        self._limit_prediction(request.prediction_id)
        if request.intent is not None and request.intent not in self._intents:
            raise InvalidMessage(
                "`intent` is not an intent of this bot: see /intents",
                [{"field": "intent", "problem": "unknown"}],
            )
        feedback = Feedback.of(
            request.prediction_id, request.helpful, request.intent or "", request.comment or ""
        )
        self._log.append_feedback(feedback)
        if self._is_first_feedback(request.prediction_id):
            self._metrics.feedback.labels("yes" if request.helpful else "no").inc()
        return to_json({"prediction_id": request.prediction_id})

    async def take_contact(self, body: bytes, prediction_id: str) -> bytes:
        """Store the body of a `POST /handoffs/{prediction_id}/contact`, readable only by the agent who answers.

        Raises:
            InvalidMessage: the body does not match the schema, or is not contact data.
            NotFound: the token does not belong to this id, or its handoff is older than a day.
            RateLimited: too many changes of this handoff's contact data.
            Unavailable: no store is configured, or it does not accept the data.
        """
        request = parse(_contact_request, body)
        expected = ids.token_of(self._key, prediction_id)
        is_ours = ids.is_ours(self._key, prediction_id)
        # Constant-time comparison: the time reveals nothing about the expected token.
        if not (
            hmac.compare_digest(expected.encode(), request.contact_token.encode("utf-8", "replace"))
            and is_ours
        ):
            raise NotFound("no handoff has this id and this `contact_token`")
        # A separate bucket: a client that knows only the id cannot exhaust it with feedback.
        self._limit_prediction(f"contact {prediction_id}")
        now = datetime.now(UTC)
        if now - ids.time_of(prediction_id) > _CONTACT_AGE:
            raise NotFound("this `contact_token` has expired: write to the chat again")
        contact = contact_of(request.contact, now)
        if self._save_contact is None:
            raise Unavailable("contact data cannot be stored: no object store is configured")
        try:
            await asyncio.to_thread(self._save_contact, prediction_id, contact.model_dump_json().encode())
        except (StoreError, OSError) as error:
            raise Unavailable(
                "contact data cannot be stored at the moment: try again in a few seconds"
            ) from error
        return to_json({"prediction_id": prediction_id, "kind": contact.kind})

    def _is_first_feedback(self, prediction_id: str) -> bool:
        """Whether to count this feedback: a rating, its explanation and repetitions count once per prediction."""
        if prediction_id in self._rated:
            return False
        self._rated[prediction_id] = None
        if len(self._rated) > _MAX_RATED:
            del self._rated[next(iter(self._rated))]
        return True

    async def is_ready(self, fresh_seconds: float = 1.0) -> bool:
        """Whether the model classified a message within `fresh_seconds`; otherwise probe it with one.

        Concurrent calls share one probe: no limit of the API counts them.
        """
        if self._is_runner_available and time.monotonic() - self._last_classified < fresh_seconds:
            return True
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._probe_runner())
        # A caller that leaves does not cancel the probe of the others.
        return await asyncio.shield(self._probe)

    async def _probe_runner(self) -> bool:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self._classify([WARM_UP])
        except (ChatbotError, TimeoutError):
            self._is_runner_available = False
            return False
        self._note_classified()
        return True

    def _note_classified(self) -> None:
        self._is_runner_available = True
        self._last_classified = time.monotonic()

    @property
    def silent_seconds(self) -> float:
        """Seconds since the model last answered, or since the start."""
        return time.monotonic() - self._last_classified

    def _observe_waits(self, waits: Sequence[float]) -> None:
        for wait in waits:
            self._metrics.queue_wait.observe(wait)

    async def _classify_batch(self, requests: Sequence[_PendingMessage]) -> list[bytes]:
        start = time.perf_counter()
        try:
            predictions = await self._classify([request.core for request in requests])
        except BaseException:
            self._metrics.runner_errors.inc()
            self._is_runner_available = False
            raise
        self._note_classified()
        self._metrics.runner_seconds.observe(time.perf_counter() - start)
        replies = [
            self._router.after_model(request.message, prediction, request.redacted)
            for request, prediction in zip(requests, predictions, strict=True)
        ]
        return self._finish(requests, replies)

    def _finish_decided(self, decided: Sequence[tuple[_PendingMessage, Reply]]) -> list[bytes]:
        return self._finish([request for request, _ in decided], [reply for _, reply in decided])

    def _finish(self, requests: Sequence[_PendingMessage], replies: Sequence[Reply]) -> list[bytes]:
        """Record and count a batch and return its replies as JSON; one write to the log per batch."""
        prediction_ids = [ids.new_id(self._key) for _ in replies]
        now = time.perf_counter()
        records = [
            self._record(request, reply, prediction_id, (now - request.since) * 1000)
            for request, reply, prediction_id in zip(requests, replies, prediction_ids, strict=True)
        ]
        self._log.append(records)
        self._hand_over(replies, records)
        for reply in replies:
            self._count(reply)
        return [to_json(self._answer(r, i)) for r, i in zip(replies, prediction_ids, strict=True)]

    def _record(
        self, request: _PendingMessage, reply: Reply, prediction_id: str, latency_ms: float
    ) -> Record:
        """Build the record of a message, and cache what a repeat of it shares."""
        if request.earlier is not None:
            return request.earlier.again(prediction_id, session_id=request.session_id, latency_ms=latency_ms)
        record = Record.of(
            reply,
            request.message,
            prediction_id,
            session_id=request.session_id,
            model_version=self._model_version,
            bundle_digest=self._bundle_digest,
            latency_ms=latency_ms,
        )
        if reply.prediction is not None:
            self._cache.put(request.core, reply.prediction)
        self._cache.put_answer(request.message, reply, record)
        return record

    def _hand_over(self, replies: Sequence[Reply], records: Sequence[Record]) -> None:
        """Queue handoffs for delivery, with one write, and remember the turns of the conversation."""
        if self._handoffs is None:
            return
        handoffs = []
        conversations = self._conversations
        try:
            for reply, record in zip(replies, records, strict=True):
                if reply.handoff:
                    turns = () if conversations is None else conversations.before(record.session_id)
                    handoffs.append(Handoff.of(reply, record, turns))
                if conversations is not None:
                    conversations.add(
                        record.session_id,
                        record.timestamp,
                        record.query,
                        reply.response,
                        record.prediction_id,
                    )
        except Exception:
            # A bug here must not prevent the reply.
            logger.exception("a handoff cannot be recorded")
        if handoffs:
            self._handoffs.append(handoffs)

    def _answer(self, reply: Reply, prediction_id: str) -> dict[str, Any]:
        takes_contact = reply.handoff and self._save_contact is not None
        return {
            "intent": reply.intent,
            "response": reply.response,
            "confidence": round(reply.confidence, 4),
            "source": reply.source,
            "alternatives": [
                {"intent": a.intent, "confidence": round(a.confidence, 4), "title": a.title}
                for a in reply.alternatives
            ],
            "handoff": reply.handoff,
            "summary": reply.summary,
            "prediction_id": prediction_id,
            "model_version": self._model_version,
            "contact_token": ids.token_of(self._key, prediction_id) if takes_contact else "",
        }

    def _count(self, reply: Reply) -> None:
        metrics = self._metrics
        self._predictions(reply.intent, reply.source).inc()
        if reply.handoff:
            metrics.handoffs.labels(reply.source).inc()
        if reply.prediction is not None:
            metrics.confidence.observe(reply.prediction.alternatives[0].confidence)
            metrics.scope.observe(reply.prediction.scope)
