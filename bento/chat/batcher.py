"""Request batching: send concurrently waiting requests to the runner in one call, without a timer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Request = TypeVar("Request")
Result = TypeVar("Result")


class RequestBatcher(Generic[Request, Result]):
    """Batches single requests (adaptive batching: the batch size follows the load).

    Requests queue in order of arrival. At the end of each event loop iteration, every free call slot takes
    an even share of the queue: a single request never waits for others, and no batch waits for a timer.
    """

    def __init__(
        self,
        call: Callable[[Sequence[Request]], Awaitable[Sequence[Result | Exception]]],
        concurrency: int,
        max_batch: int,
        on_batch: Callable[[Sequence[float]], None] | None = None,
    ) -> None:
        """Configure the batcher; starts no task before the first request.

        Args:
            call: processes a batch; returns one result or exception per request, in input order.
            concurrency: maximum number of concurrent calls: one per runner worker.
            max_batch: maximum number of requests per call.
            on_batch: called for every batch, with the queueing time of each of its requests in seconds.
        """
        self._call = call
        self._max_batch = max_batch
        self._free = concurrency
        self._on_batch = on_batch
        # By future, in order of arrival: a cancelled request is removed at once.
        self._waiting: dict[asyncio.Future[Result], tuple[Request, float]] = {}
        self._dispatch_is_due = False
        # The event loop keeps only weak references to tasks.
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Number of queued requests."""
        return len(self._waiting)

    def submit(self, request: Request) -> asyncio.Future[Result]:
        """Queue one request; the future gets its result, or the exception that the call raised or returned for it.

        Cancelling the future removes the request from the queue.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting[future] = (request, time.perf_counter())
        future.add_done_callback(self._forget)
        self._dispatch_soon(loop)
        return future

    def _forget(self, future: asyncio.Future[Result]) -> None:
        self._waiting.pop(future, None)

    def _dispatch_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Schedule a dispatch for the next loop iteration, so that requests read in this one join the batch."""
        if self._free and not self._dispatch_is_due:
            self._dispatch_is_due = True
            loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._dispatch_is_due = False
        while self._free and self._waiting:
            share = -(-len(self._waiting) // self._free)
            futures = [
                future for future, _ in zip(self._waiting, range(min(share, self._max_batch)), strict=False)
            ]
            taken = [self._waiting.pop(future) for future in futures]
            self._free -= 1
            if self._on_batch:
                now = time.perf_counter()
                self._on_batch([now - since for _, since in taken])
            self._calls.add(
                task := asyncio.create_task(self._run([request for request, _ in taken], futures))
            )
            task.add_done_callback(self._calls.discard)

    async def _run(self, requests: list[Request], futures: list[asyncio.Future[Result]]) -> None:
        try:
            results = await self._call(requests)
            if len(results) != len(requests):
                raise RuntimeError(f"the call returned {len(results)} results for {len(requests)} requests")
        except Exception as error:
            results = [error] * len(requests)
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        finally:
            self._free += 1
            if self._waiting:
                self._dispatch_soon(asyncio.get_running_loop())
        for future, result in zip(futures, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)


class TurnBatcher(Generic[Request, Result]):
    """Batches the requests of one event loop iteration, for a call too short to be worth a task."""

    def __init__(self, call: Callable[[Sequence[Request]], Sequence[Result]]) -> None:
        """Configure the batcher.

        Args:
            call: processes a batch at once; returns one result per request, in input order.
        """
        self._call = call
        self._waiting: list[tuple[Request, asyncio.Future[Result]]] = []

    def submit(self, request: Request) -> asyncio.Future[Result]:
        """Queue one request; the future has its result, or the call's exception, in the next iteration."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._run)
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((request, future))
        return future

    def _run(self) -> None:
        taken, self._waiting = self._waiting, []
        try:
            results = self._call([request for request, _ in taken])
        except Exception as error:
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(taken, results, strict=True):
            if not future.done():
                future.set_result(result)
