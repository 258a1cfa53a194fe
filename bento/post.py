"""Handle POST routes in plain ASGI: size, time and concurrency limits, the handler, response or error."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType

from prometheus_client import Gauge
from pydantic_core import to_json

from bento.asgi import (
    JSON,
    ClientLeftError,
    Receive,
    Scope,
    Send,
    answer,
    answer_error,
    read_body,
    require_json,
)
from chatbot.errors import ChatbotError, Overloaded, Unavailable

logger = logging.getLogger("bentoml.chatbot")

CLIENT_LEFT = 499
"""nginx's status for a client that disconnected before the response: for metrics only, never sent."""

# Requests shorter than this are not watched for a disconnect, because watching costs a task.
_PATIENCE_SECONDS = 0.05


class Limiter:
    """Concurrency limit with backpressure: beyond it, requests fail at once (429) instead of timing out."""

    def __init__(self, limit: int, gauge: Gauge) -> None:
        self._limit = limit
        self._gauge = gauge
        self._busy = 0

    def __enter__(self) -> None:
        """Take a slot; raise Overloaded (429) if all are in use."""
        if self._busy >= self._limit:
            raise Overloaded(
                f"too many messages at once: try again in {Overloaded.retry_after} s",
                {"retry_after_seconds": Overloaded.retry_after},
            )
        self._busy += 1
        self._gauge.inc()

    def __exit__(self, *_: object) -> None:
        self._busy -= 1
        self._gauge.dec()


class Watch:
    """Cancels the current task on client disconnect or timeout."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._watcher: asyncio.Task[None] | None = None
        self._reason: Exception | None = None

    def __enter__(self) -> None:
        if (task := asyncio.current_task()) is None:
            raise RuntimeError("a watch needs a task that it can end")
        self._task = task
        self._timer = task.get_loop().call_later(_PATIENCE_SECONDS, self._start)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching; after a cancellation raise its reason: ClientLeftError, or Unavailable on timeout."""
        self._timer.cancel()
        if self._watcher:
            self._watcher.cancel()
        if self._reason and kind is asyncio.CancelledError:
            self._task.uncancel()
            raise self._reason from None

    def _start(self) -> None:
        self._watcher = self._task.get_loop().create_task(self._watch())

    async def _watch(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
            self._reason = ClientLeftError()
        except TimeoutError:
            self._reason = Unavailable(f"no answer within {self._seconds:g} s: try again")
        self._task.cancel()


class Post:
    """Handles one `POST` route, as an ASGI app."""

    def __init__(
        self,
        handle: Callable[[bytes], Awaitable[bytes]],
        limiter: Limiter,
        *,
        status: int = 200,
        max_body_bytes: int,
        body_seconds: float,
        timeout_seconds: float,
    ) -> None:
        """Configure a route and its limits.

        Args:
            handle: maps the request body to the response body; raises a `ChatbotError` for a refused request.
            limiter: concurrency limit, shared by all routes.
            status: status of a successful response.
            max_body_bytes: maximum body size; a longer body is answered with 413.
            body_seconds: maximum time until the body has arrived.
            timeout_seconds: maximum duration of `handle`.
        """
        self._handle = handle
        self._limiter = limiter
        self._status = status
        self._max_body_bytes = max_body_bytes
        self._body_seconds = body_seconds
        self._timeout_seconds = timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer one request and return the status, for the metrics."""
        try:
            require_json(scope)
            body = await read_body(scope, receive, self._max_body_bytes, self._body_seconds)
            # The slot is taken only after the body has arrived, so that slow senders do not block others.
            with self._limiter, Watch(receive, self._timeout_seconds):
                result = await self._handle(body)
        except ChatbotError as error:
            await answer_error(error, receive, send)
            return error.status
        except ClientLeftError:
            return CLIENT_LEFT
        except Exception:
            logger.exception("a request failed")
            problem = ChatbotError("an internal error: it was logged")
            await answer(send, problem.status, to_json(problem.body()), JSON)
            return problem.status
        await answer(send, self._status, result)
        return self._status
