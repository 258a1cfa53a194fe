"""Clients under way without end: kept connections, a message after the other, no second try, every failure counted.

A failure is a refused or broken connection, a 5xx, a wrong answer, one that takes over 5 s, or a 429.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

SLOWEST_SECONDS = 5.0


@dataclass
class Seen:
    """What the clients saw."""

    answered: Counter[str] = field(default_factory=Counter)
    """By the model version that answered."""
    failures: list[str] = field(default_factory=list)
    """What was no answer or a wrong one, with when."""
    errors: list[str] = field(default_factory=list)
    """The failures that were answers: an error status or a wrong answer. The others are lost connections and delays."""
    turned_away: int = 0
    """Answered 429, where that is not a failure."""
    closing: int = 0
    """Answers that said `Connection: close`."""
    connections: int = 0
    """Connections that were opened."""
    slowest: float = 0.0
    longest_outage: float = 0.0
    """The longest time in which no client was answered, in seconds."""
    predictions: list[str] = field(default_factory=list)
    """The id of every prediction that was answered."""

    @property
    def total(self) -> int:
        """Messages that were sent and came to an end."""
        return sum(self.answered.values()) + self.turned_away + len(self.failures)

    def __str__(self) -> str:
        versions = ", ".join(f"{count} by version {version}" for version, count in self.answered.items())
        text = f"{self.total} messages over {self.connections} connections: {versions}; "
        text += f"{self.turned_away} turned away; the slowest took {self.slowest:.2f} s; {len(self.failures)} failed"
        return text + "".join(f"\n  {failure}" for failure in self.failures[:20])


class SteadyLoad:
    """So many clients from `start` to `stop`, in a thread of their own."""

    def __init__(
        self,
        url: str,
        clients: int = 8,
        pause: float = 0.01,
        messages: Sequence[str] | Mapping[str, str] = ("where is my order?",),
        is_busy: bool = False,
    ) -> None:
        """Starts nothing yet.

        Args:
            pause: after each answer, in seconds: what keeps the load below half of the capacity.
            messages: in turn; with the intent that each must be answered with, where it is a mapping.
            is_busy: more than half of the capacity is asked for: a 429 is not a failure.
        """
        self.seen = Seen()
        self._url = url
        self._expected = messages if isinstance(messages, Mapping) else {}
        self._is_busy = is_busy
        self._clients = clients
        self._pause = pause
        self._messages = itertools.cycle(list(messages))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> SteadyLoad:
        self._began = self._last_answer = time.monotonic()
        self._thread.start()
        self.wait_until(lambda: sum(self.seen.answered.values()) >= self._clients)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def wait_until(self, reached: Callable[[], bool], seconds: float = 30) -> None:
        """Let the load run until something was reached."""
        until = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < until, self.seen
            time.sleep(0.02)

    async def _run(self) -> None:
        limit = aiohttp.ClientTimeout(total=20)
        trace = aiohttp.TraceConfig()

        async def opened(*_: object) -> None:
            self.seen.connections += 1

        trace.on_connection_create_end.append(opened)
        await asyncio.gather(*(self._client(limit, trace) for _ in range(self._clients)))

    async def _client(self, limit: aiohttp.ClientTimeout, trace: aiohttp.TraceConfig) -> None:
        async with aiohttp.ClientSession(timeout=limit, trace_configs=[trace]) as session:
            while not self._stop.is_set():
                began = time.monotonic()
                problem = ""
                try:
                    message = next(self._messages)
                    async with session.post(f"{self._url}/chat", json={"message": message}) as response:
                        answer = await response.json()
                        self.seen.closing += response.headers.get("Connection", "").lower() == "close"
                        if response.status == 429 and self._is_busy:
                            self.seen.turned_away += 1
                        elif response.status != 200:
                            problem = f"{response.status} {answer}"
                            self.seen.errors.append(problem)
                        elif answer["intent"] != self._expected.get(message, answer["intent"]):
                            problem = f"{message!r} was answered with {answer['intent']}: {answer}"
                            self.seen.errors.append(problem)
                        else:
                            self.seen.answered[str(answer["model_version"])] += 1
                            self.seen.predictions.append(str(answer["prediction_id"]))
                            now = time.monotonic()
                            outage = now - self._last_answer
                            self.seen.longest_outage = max(self.seen.longest_outage, outage)
                            self._last_answer = now
                except (aiohttp.ClientError, TimeoutError, OSError, KeyError) as error:
                    problem = f"{type(error).__name__}: {error}"
                took = time.monotonic() - began
                self.seen.slowest = max(self.seen.slowest, took)
                if took > SLOWEST_SECONDS:
                    problem = problem or f"answered after {took:.1f} s"
                if problem:
                    self.seen.failures.append(f"after {time.monotonic() - self._began:.2f} s: {problem}")
                    await asyncio.sleep(0.1)
                await asyncio.sleep(self._pause)
