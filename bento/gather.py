"""Gathering: the questions that wait at the same moment go to the runner in one call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Gatherer(Generic[Q, A]):
    """Lets callers ask one question each and answers them in batches.

    Questions wait in the order they came. At the end of each turn of the event loop, every free lane takes an
    even share of what waits: a single question never waits for company, a crowd never waits for a timer.
    """

    def __init__(
        self,
        call: Callable[[Sequence[Q]], Awaitable[Sequence[A | Exception]]],
        lanes: int,
        max_batch: int,
        on_batch: Callable[[Sequence[float]], None] | None = None,
    ) -> None:
        """Starts nothing: the first question does.

        Args:
            call: answers a batch, one answer (or one exception) a question, in the order of the questions.
            lanes: calls in flight at once: one a runner worker.
            max_batch: the most questions in one call.
            on_batch: told of every batch that leaves, with the seconds each of its questions has waited.
        """
        self._call = call
        self._max_batch = max_batch
        self._lanes = lanes
        self._free = lanes
        self._on_batch = on_batch
        # By its future, in the order of arrival: a question whose asker left is taken out at once.
        self._waiting: dict[asyncio.Future[A], tuple[Q, float]] = {}
        self._dispatch_is_due = False
        # The loop keeps only weak references to tasks.
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Questions that no call has taken yet."""
        return len(self._waiting)

    async def ask(self, question: Q) -> A:
        """Wait for the answer to one question; cancelling takes it out of the queue.

        Raises:
            Exception: what the call raised, or what it gave for this question.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        self._waiting[future] = (question, time.perf_counter())
        self._dispatch_soon(loop)
        try:
            return await future
        finally:
            self._waiting.pop(future, None)

    def _dispatch_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Not now: whoever was read from the sockets in this turn of the loop shall come along."""
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
            self._calls.add(task := asyncio.create_task(self._run([q for q, _ in taken], futures)))
            task.add_done_callback(self._calls.discard)

    async def _run(self, questions: list[Q], futures: list[asyncio.Future[A]]) -> None:
        try:
            answers = await self._call(questions)
            if len(answers) != len(questions):
                raise RuntimeError(f"{len(questions)} questions got {len(answers)} answers")
        except Exception as error:
            answers = [error] * len(questions)
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        finally:
            self._free += 1
            if self._waiting:
                self._dispatch_soon(asyncio.get_running_loop())
        for future, answer in zip(futures, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
