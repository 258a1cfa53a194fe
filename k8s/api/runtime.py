"""Time and network as this package reaches them: with another one, given to a constructor, hours pass at once."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.request import Request, urlopen

A = TypeVar("A")
B = TypeVar("B")
_THREADS = 8


class Runtime:
    """Of this process: the real clock and the real network. Any thread may use it."""

    @property
    def holder(self) -> str:
        """Who we are, where one at a time may do something: this pod (or machine) and process."""
        return f"{socket.gethostname()}-{os.getpid()}"

    def now(self) -> datetime:
        """The time of day."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment: only differences mean anything."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def run_periodically(self, seconds: float, action: Callable[[], bool], name: str) -> Callable[[], None]:
        """Do something again and again, beside all else, until it says False.

        Returns: what stops it, and waits until it has stopped.
        """
        stopped = threading.Event()

        def repeat() -> None:
            while not stopped.wait(seconds) and action():
                pass

        thread = threading.Thread(target=repeat, name=name, daemon=True)
        thread.start()

        def stop() -> None:
            stopped.set()
            thread.join()

        return stop

    def map_concurrently(self, action: Callable[[A], B], items: Iterable[A]) -> list[B]:
        """Do it to each of them, some at a time; the results in their order."""
        with ThreadPoolExecutor(_THREADS) as threads:
            return list(threads.map(action, items))

    def fetch(self, request: Request, seconds: float) -> bytes:
        """The body of an HTTP server's answer.

        Raises:
            HTTPError: it refuses.
            OSError: it does not answer.
        """
        with urlopen(request, timeout=seconds) as answer:  # noqa: S310  # http(s), as the callers checked
            return bytes(answer.read())

    def request(self, pool: Any, method: str, url: str, **options: Any) -> Any:
        """The API server's answer, through the official client's pool of connections (urllib3's `request`)."""
        return pool.request(method, url, **options)


REAL = Runtime()
