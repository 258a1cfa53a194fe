"""Generate load with low overhead, closed loop: N connections, each sends the next message after its last answer.

`open_loop` sends at times that do not depend on the answers.

It shares the cores with the server under test. Therefore it is one `asyncio.Protocol` on uvloop with prebuilt requests
and no HTTP library. Every answer is checked: status 200, JSON, and the intent that the model predicts for the message
alone.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import uvloop
from pydantic_core import from_json

HOST = "127.0.0.1"

# Pause after a rejected request, so that an overloaded server is not flooded with retries.
PAUSE_SECONDS = 0.05
# Connections open one after another: if all open at once, one worker process accepts them all.
STAGGER_SECONDS = 0.004
_WATCH_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Question:
    """A request and its expected answer.

    Attributes:
        request: HTTP/1.1, ready to send.
        intent: the expected intent.
        near: intents that tie with it within the tolerance.
    """

    request: bytes
    intent: str
    near: frozenset[str] = frozenset()


def post(path: str, body: bytes, port: int) -> bytes:
    """Build a POST request with a JSON body for a keep-alive connection."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(slots=True)
class Load:
    """Result of one measured window.

    Attributes:
        seconds: length of the window.
        answered: right answers that arrived within the window, near ties included.
        total: all right answers, including the warm-up and those after the window.
        near_ties: of all answers, those that differ from the expected intent within the tolerance.
        errors: number by kind, including the warm-up and after the window.
        latencies: seconds, of each right answer to a request sent within the window; ascending.
        generator_seconds: processor time of this process during the window.
    """

    connections: int
    seconds: float = 0.0
    answered: int = 0
    total: int = 0
    near_ties: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    generator_seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Return the right answers per second."""
        return self.answered / self.seconds if self.seconds else 0.0

    @property
    def generator_microseconds(self) -> float:
        """Return the generator's processor time per request, in microseconds."""
        return 1e6 * self.generator_seconds / self.answered if self.answered else 0.0

    def percentile(self, percent: float) -> float:
        """Return a latency percentile in milliseconds; NaN if nothing was answered."""
        return 1000 * float(np.percentile(self.latencies, percent)) if self.latencies else float("nan")


def generate(
    port: int,
    questions: Sequence[Question],
    connections: int,
    seconds: float,
    warmup: float,
    timeout: float = 10.0,
) -> Load:
    """Send questions until the time is over or each was sent once, whichever comes first.

    Args:
        port: on this machine.
        questions: each is sent at most once.
        connections: number of concurrent connections, each with one request in flight.
        seconds: length of the window.
        warmup: seconds before the window that count for errors only.
        timeout: seconds after which an answer counts as missing.
    """
    return drive(Driver(port, questions, connections, timeout), seconds, warmup)


def drive(driver: Driver, seconds: float, warmup: float) -> Load:
    """Run a driver without garbage collection: one during the window would count as server latency."""
    gc.collect()
    gc.disable()
    try:
        return uvloop.run(driver.run(seconds, warmup))
    finally:
        gc.enable()


class Driver:
    """State shared by all connections; decides what a free connection sends next."""

    def __init__(self, port: int, questions: Sequence[Question], connections: int, timeout: float) -> None:
        self.port = port
        self.load = Load(connections)
        self.timeout = timeout
        self._questions = iter(questions)
        self.connections: list[Connection] = []
        self._begin = self._end = float("inf")
        self._stopped = False
        self._over = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.in_flight = 0

    async def run(self, seconds: float, warmup: float) -> Load:
        """Open the connections, send for `warmup` and `seconds`, wait for what is in flight, and return the result."""
        started = time.perf_counter()
        for _ in range(self.load.connections):
            self.connect()
            await asyncio.sleep(STAGGER_SECONDS)
        self.begin(self._watch())
        await self._sleep(started + warmup - time.perf_counter())
        self._begin = time.perf_counter()
        processor = time.process_time()
        await self._sleep(seconds)
        self._end = time.perf_counter()
        self.load.generator_seconds = time.process_time() - processor
        self.load.seconds = self._end - self._begin
        self._stopped = True
        # Requests still in flight are slow ones: omitting them would bias the latencies.
        while self.pending and time.perf_counter() < self._end + self.timeout + 1:
            await asyncio.sleep(0.01)
        for connection in self.connections:
            connection.close()
        for task in self._tasks:
            task.cancel()
        self.load.latencies.sort()
        return self.load

    @property
    def pending(self) -> int:
        """Return the number of requests whose answers the end of the run waits for."""
        return self.in_flight

    def begin(self, work: Coroutine[None, None, None]) -> None:
        """Start a background task and keep a reference to it; the event loop keeps only a weak one."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def connect(self) -> None:
        """Open one more connection."""
        connection = Connection(self)
        self.connections.append(connection)
        self.begin(connection.open())

    def free(self, connection: Connection) -> None:
        """Send the next question on a connection that has no request in flight."""
        question = self.next_question()
        if question is not None:
            connection.send(question, time.perf_counter())

    def refused(self, connection: Connection) -> None:
        """Continue after an answer that is not 200 or wrong."""
        asyncio.get_running_loop().call_later(PAUSE_SECONDS, connection.next)

    def next_question(self) -> Question | None:
        """Return the next question; None: the time is over, or no question is left."""
        if self._stopped:
            return None
        question = next(self._questions, None)
        if question is None:
            self._stopped = True
            self._over.set()
        return question

    @property
    def stopped(self) -> bool:
        """Return whether no further request is sent."""
        return self._stopped

    def counts(self, due: float) -> bool:
        """Return whether a request of this time belongs to the window."""
        return self._begin <= due <= self._end

    def note(self, question: Question, body: bytes, sent: float, received: float) -> bool:
        """Check an answer with status 200; returns False if it is wrong."""
        try:
            intent = from_json(body)["intent"]
        except ValueError:
            return self.fail("not JSON")
        except (KeyError, TypeError):
            return self.fail("no intent")
        load = self.load
        if intent != question.intent:
            if intent not in question.near:
                return self.fail("wrong intent")
            load.near_ties += 1
        load.total += 1
        if self.counts(received):
            load.answered += 1
        if self.counts(sent):
            load.latencies.append(received - sent)
        return True

    def fail(self, kind: str) -> bool:
        """Count an error."""
        self.load.errors[kind] += 1
        return False

    async def _sleep(self, seconds: float) -> None:
        """Wait; returns early once the questions run out."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._over.wait()
        except TimeoutError:
            pass

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            before = time.perf_counter() - self.timeout
            for connection in self.connections:
                if connection.sent and connection.sent < before:
                    connection.give_up("timeout")


class Connection(asyncio.Protocol):
    """One client: sends, waits, checks, repeats; reconnects after losing its connection."""

    def __init__(self, generator: Driver) -> None:
        self._generator = generator
        self._transport: asyncio.Transport | None = None
        self._question = Question(b"", "")
        self._received = b""
        self.sent = 0.0
        """Time from which the request in flight is measured; 0: none."""

    async def open(self, pause: float = 0.0) -> None:
        """Connect and start; retries until the server listens or the time is over."""
        await asyncio.sleep(pause)
        while not self._generator.stopped:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self, HOST, self._generator.port)
            except OSError:
                self._generator.fail("no connection")
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop: not a subclass
        self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        lost = self.sent > 0
        if lost:
            self._settle()
            self._generator.fail("connection lost")
        self._generator.begin(self.open(PAUSE_SECONDS if lost else 0.0))

    def data_received(self, data: bytes) -> None:
        received = time.perf_counter()
        if self._received:
            data = self._received + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._received = data
            return
        head = data[:end].lower()
        at = head.find(b"\r\ncontent-length:")
        if at < 0 or not self.sent:
            self.give_up("not HTTP as expected")
            return
        stop = head.find(b"\r", at + 17)
        length = int(head[at + 17 : stop if stop > 0 else end])
        body = data[end + 4 : end + 4 + length]
        if len(body) < length:
            self._received = data
            return
        sent, question = self.sent, self._question
        self._settle()
        if head[9:12] == b"200":
            right = self._generator.note(question, body, sent, received)
        else:
            right = self._generator.fail(f"status {head[9:12].decode('latin-1')}")
        if b"\r\nconnection: close" in head:
            self.close()  # `connection_lost` then opens a new one
        elif right:
            self.next()
        else:
            self._generator.refused(self)

    def give_up(self, kind: str) -> None:
        """Count the request in flight as an error of this kind, and close the connection."""
        if self.sent:
            self._settle()
        self._generator.fail(kind)
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._transport:
            self._transport.abort()

    def next(self) -> None:
        """Offer this connection to the driver, if it is open and has no request in flight."""
        if self.is_free:
            self._generator.free(self)

    @property
    def is_free(self) -> bool:
        """Return whether a request can be sent now."""
        return not self.sent and self._transport is not None and not self._transport.is_closing()

    def send(self, question: Question, due: float) -> None:
        """Send a request, whose latency counts from `due` (`perf_counter`)."""
        self._question = question
        self._generator.in_flight += 1
        self.sent = due
        cast(asyncio.Transport, self._transport).write(question.request)

    def _settle(self) -> None:
        self.sent = 0.0
        self._received = b""
        self._generator.in_flight -= 1
