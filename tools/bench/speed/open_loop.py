"""Generate load, open loop: messages arrive as a Poisson process, however slowly the server answers.

Latency counts from the time at which a message was due, so that a stalled server cannot hide behind a generator that
waits for it (coordinated omission).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tools.bench.speed.load import Connection, Driver, Load, Question, drive

POOL = 64
"""Connections that are open before the first message."""
MAX_CONNECTIONS = 1024
IN_TIME_SECONDS = 0.1
SHARE_IN_TIME = 0.99
STEP = 1.05
"""Ratio of two neighbouring rates at which the search of the highest one ends."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Result of one window of an open loop.

    Attributes:
        rate: messages per second that were to arrive.
        offered: messages due within the window.
        load: what became of them.
    """

    rate: float
    offered: int
    load: Load

    @property
    def share_in_time(self) -> float:
        """Return the share of the offered messages answered right within `IN_TIME_SECONDS`."""
        in_time = sum(latency <= IN_TIME_SECONDS for latency in self.load.latencies)
        return in_time / self.offered if self.offered else 0.0

    @property
    def is_sustained(self) -> bool:
        """Return whether enough messages were answered in time."""
        return self.share_in_time >= SHARE_IN_TIME


def generate(
    port: int,
    questions: Sequence[Question],
    rate: float,
    seconds: float,
    warmup: float,
    timeout: float = 10.0,
) -> Arrivals:
    """Send questions at exponentially distributed intervals.

    Args:
        port: on this machine.
        questions: each is sent at most once; the window ends early when none is left.
        rate: messages per second.
        seconds: length of the window.
        warmup: seconds before the window that count for errors only.
        timeout: seconds after which an answer counts as missing.
    """
    driver = _OpenLoop(port, questions, timeout, rate)
    load = drive(driver, seconds, warmup)
    return Arrivals(rate, driver.offered, load)


def highest_rate(measure: Callable[[float], Arrivals], start: float) -> Arrivals | None:
    """Search the highest rate that is sustained: doubling, then bisection.

    Args:
        measure: measures one window at a rate.
        start: messages per second to begin with.

    Returns:
        The window of the highest sustained rate; None: not even a sixteenth of `start` is sustained.
    """
    best = measure(start)
    while not best.is_sustained:
        if best.rate <= start / 16:
            return None
        best = measure(best.rate / 2)
    # The rate above is known not to be sustained, once one is found.
    above = 2 * best.rate if best.rate < start else 0.0
    while not above or above / best.rate > STEP:
        found = measure((best.rate * above) ** 0.5 if above else 2 * best.rate)
        if found.is_sustained:
            best = found
        else:
            above = found.rate
    return best


class _OpenLoop(Driver):
    """Sends each message when it is due, on a free connection; opens further connections when none is free."""

    def __init__(self, port: int, questions: Sequence[Question], timeout: float, rate: float) -> None:
        super().__init__(port, questions, POOL, timeout)
        self.offered = 0
        self._rate = rate
        self._random = random.Random(0)
        self._free: deque[Connection] = deque()
        self._waiting: deque[tuple[Question, float]] = deque()

    async def run(self, seconds: float, warmup: float) -> Load:
        self.begin(self._arrive())
        return await super().run(seconds, warmup)

    @property
    def pending(self) -> int:
        return self.in_flight + len(self._waiting)

    def free(self, connection: Connection) -> None:
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._free.append(connection)

    def refused(self, connection: Connection) -> None:
        """Continue at once: a message that was refused is not repeated."""
        connection.next()

    async def _arrive(self) -> None:
        due = time.perf_counter()
        while True:
            due += self._random.expovariate(self._rate)
            # A timer may be late by a millisecond: whatever is due by then is sent at once.
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            question = self.next_question()
            if question is None:
                return
            if self.counts(due):
                self.offered += 1
            self._send(question, due)

    def _send(self, question: Question, due: float) -> None:
        while self._free:
            connection = self._free.popleft()
            if connection.is_free:
                connection.send(question, due)
                return
        self._waiting.append((question, due))
        if len(self.connections) < MAX_CONNECTIONS:
            self.connect()
