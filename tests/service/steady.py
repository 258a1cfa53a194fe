"""Clients under way without end: kept connections, a message after the other, no second try, every failure counted."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import aiohttp

SLOWEST_SECONDS = 5.0


@dataclass
class Seen:
    """What the clients saw."""

    answered: Counter[str] = field(default_factory=Counter)
    """By the model version that answered."""
    failures: list[str] = field(default_factory=list)
    """What was no answer, with when: refused, broken, 5xx, 429, over 5 s."""
    closing: int = 0
    """Answers that said `Connection: close`."""
    connections: int = 0
    """Connections that were opened."""
    slowest: float = 0.0


class SteadyLoad:
    """So many clients from `start` to `stop`, in a thread of their own."""

    def __init__(
        self,
        url: str,
        clients: int = 8,
        pause: float = 0.01,
        messages: Sequence[str] = ("where is my order?",),
    ) -> None:
        self.seen = Seen()
        self._url = url
        self._clients = clients
        self._pause = pause
        self._messages = itertools.cycle(messages)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> SteadyLoad:
        self._began = time.monotonic()
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
                    body = {"message": next(self._messages)}
                    async with session.post(f"{self._url}/chat", json=body) as response:
                        answer = await response.json()
                        self.seen.closing += response.headers.get("Connection", "").lower() == "close"
                        if response.status == 200:
                            self.seen.answered[str(answer["model_version"])] += 1
                        else:
                            problem = f"{response.status} {answer}"
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    problem = f"{type(error).__name__}: {error}"
                took = time.monotonic() - began
                self.seen.slowest = max(self.seen.slowest, took)
                if took > SLOWEST_SECONDS:
                    problem = problem or f"answered after {took:.1f} s"
                if problem:
                    self.seen.failures.append(f"after {time.monotonic() - self._began:.2f} s: {problem}")
                    await asyncio.sleep(0.1)
                await asyncio.sleep(self._pause)
