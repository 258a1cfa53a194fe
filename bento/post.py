"""The two routes that take a body, in pure ASGI: limits, the work, the answer or the error."""

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
"""nginx's number for a client that left before its answer: for metrics, never sent."""

# How long a client is trusted to be still there: watching for its leaving costs a task.
_PATIENCE_SECONDS = 0.05


class Limiter:
    """Takes so much work at once and no more: overload is an answer, not a time-out."""

    def __init__(self, limit: int, gauge: Gauge) -> None:
        self._limit = limit
        self._gauge = gauge
        self._busy = 0

    def __enter__(self) -> None:
        """Raises: Overloaded: all places are taken."""
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
    """Ends the work of this task when its client leaves, or when it has taken too long."""

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
        """Raises: ClientLeftError, Unavailable: why the work was ended."""
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
    """One `POST` route as an ASGI app."""

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
        """A route with its limits.

        Args:
            handle: body in, body out; raises a `ChatbotError` for what it does not take.
            limiter: shared by all routes.
            status: of an answer that is no error.
            max_body_bytes: a longer body is answered 413.
            body_seconds: how long a body may take to arrive.
            timeout_seconds: how long the work may take after that.
        """
        self._handle = handle
        self._limiter = limiter
        self._status = status
        self._max_body_bytes = max_body_bytes
        self._body_seconds = body_seconds
        self._timeout_seconds = timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer one request; returns the status, for the metrics."""
        try:
            require_json(scope)
            body = await read_body(scope, receive, self._max_body_bytes, self._body_seconds)
            # The place is taken only now: clients that send slowly shall not keep the others out.
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
