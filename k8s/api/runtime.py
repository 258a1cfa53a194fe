"""Provides time, threads and network to this package; tests inject a simulated implementation."""

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
    """Real clock, threads and network of this process. Thread-safe."""

    @property
    def holder(self) -> str:
        """Return the identity of this process as a Lease holder: pod (or machine) name and process id."""
        return f"{socket.gethostname()}-{os.getpid()}"

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return a monotonic clock in seconds; only differences are meaningful."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block for this many seconds."""
        time.sleep(seconds)

    def run_periodically(self, seconds: float, action: Callable[[], bool], name: str) -> Callable[[], None]:
        """Call the action every `seconds` in a background thread until it returns False.

        Returns: a function that stops the thread and waits for it.
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
        """Apply the action to all items with a thread pool; return the results in input order."""
        with ThreadPoolExecutor(_THREADS) as threads:
            return list(threads.map(action, items))

    def fetch(self, request: Request, seconds: float) -> bytes:
        """Send an HTTP request and return the response body.

        Raises:
            HTTPError: the server answers with an error status.
            OSError: the server does not answer.
        """
        with urlopen(request, timeout=seconds) as answer:  # noqa: S310  # http(s), as the callers checked
            return bytes(answer.read())

    def request(self, pool: Any, method: str, url: str, **options: Any) -> Any:
        """Send a request to the API server through the client library's connection pool (urllib3's `request`)."""
        return pool.request(method, url, **options)


REAL = Runtime()
