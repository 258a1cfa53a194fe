"""Limit requests: concurrency (backpressure by load shedding), timeout, cancellation when the client disconnects."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from prometheus_client import Gauge

from bento.http.asgi import ClientLeft, Receive
from chatbot.errors import Overloaded, Unavailable

logger = logging.getLogger("bentoml.chatbot")

CLIENT_LEFT = 499
"""nginx's status for a client that disconnected before the response: for metrics only, never sent."""

# Shorter requests are not watched for a disconnect, because watching costs a task: under load, most requests take
# between 0.05 s and this.
_PATIENCE_SECONDS = 0.2


# As TCP does (AIMD): a multiplicative decrease at most once per round trip, then one more request per round trip.
_DECREASE = 0.8
_QUIET_SHARE, _QUIET_SECONDS = 4, 10.0
"""Quiet: at most one part in `_QUIET_SHARE` of the lowest limit was in flight, for `_QUIET_SECONDS`."""


class ConcurrencyLimit:
    """Adaptive concurrency limit with backpressure: beyond it, requests fail at once (429) instead of timing out.

    The limit follows the latency of admitted messages (additive increase, multiplicative decrease): a queue that
    stands makes all of them late and is cut, a burst that is answered in time is not. After a quiet time the limit is
    the highest again: at a few messages a second the increase alone would take hours.
    """

    def __init__(
        self,
        limit: int,
        gauge: Gauge,
        *,
        minimum: int | None = None,
        target_seconds: float = 0.1,
        on_change: Callable[[int], None] = lambda _limit: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Configure the limit.

        Args:
            limit: highest limit, and the first one.
            gauge: shows how many slots are in use.
            minimum: lowest limit; None: the limit is fixed.
            target_seconds: latency above which the limit is lowered.
            on_change: called with each new limit.
            clock: monotonic time in seconds.
        """
        self._highest = limit
        self._lowest = limit if minimum is None else min(minimum, limit)
        self._target = target_seconds
        self._gauge = gauge
        self._on_change = on_change
        self._clock = clock
        self._limit = float(limit)
        self._lowered_at = self._quiet_since = clock()
        self._busy = 0

    def apart(self, limit: int | None = None) -> ConcurrencyLimit:
        """Return a fixed limit of another route, shown by the same gauge; None: the highest of this one."""
        return ConcurrencyLimit(limit or self._highest, self._gauge, clock=self._clock)

    def acquire(self) -> float:
        """Take a slot and return the time for `release`; raise Overloaded (429) if all are in use."""
        if self._busy >= int(self._limit):
            raise Overloaded(
                f"too many messages at once: try again in {Overloaded.retry_after} s",
                {"retry_after_seconds": Overloaded.retry_after},
            )
        self._busy += 1
        self._gauge.inc()
        return self._clock()

    def release(self, since: float) -> None:
        """Return a slot, and adapt the limit to the latency of its message."""
        self._observe(since)
        self._busy -= 1
        self._gauge.dec()

    def _observe(self, since: float) -> None:
        now = self._clock()
        if self._busy > self._lowest / _QUIET_SHARE:
            self._quiet_since = now
        if now - since <= self._target:
            is_quiet = now - self._quiet_since > _QUIET_SECONDS
            limit = float(self._highest) if is_quiet else min(self._limit + 1 / self._limit, self._highest)
        elif self._busy > self._lowest and since >= self._lowered_at:
            # Else few messages are slow by themselves, or this one was admitted before the limit was lowered.
            limit = max(self._limit * _DECREASE, float(self._lowest))
            self._lowered_at = now
        else:
            return
        previous, self._limit = int(self._limit), limit
        if int(limit) != previous:
            self._on_change(int(limit))


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits of a POST route."""

    concurrency: ConcurrencyLimit
    max_body_bytes: int
    """Maximum body size; a longer body is answered with 413."""
    body_seconds: float
    """Maximum time until the body has arrived; then 408."""
    timeout_seconds: float
    """Maximum duration of the handler; then 503."""


class CancelOnDisconnect:
    """Cancels the current task on client disconnect or timeout."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._watcher: asyncio.Task[None] | None = None
        self._reason: Exception | None = None

    def __enter__(self) -> None:
        if (task := asyncio.current_task()) is None:
            raise RuntimeError("CancelOnDisconnect must be used inside an asyncio task")
        self._task = task
        self._timer = task.get_loop().call_later(_PATIENCE_SECONDS, self._start)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching; after a cancellation raise its reason: ClientLeft, or Unavailable on timeout."""
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
            self._reason = ClientLeft()
        except TimeoutError:
            self._reason = Unavailable(f"no answer within {self._seconds:g} s: try again")
        self._task.cancel()
