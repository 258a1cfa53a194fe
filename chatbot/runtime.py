"""Provide clock, threads, network and retries (exponential backoff with jitter); tests inject a simulation."""

from __future__ import annotations

import io
import math
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPException, IncompleteRead
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import OpenerDirector, Request

from chatbot.deadline import Deadline, opener

A = TypeVar("A")
B = TypeVar("B")
_THREADS = 8
MAX_RESPONSE_BYTES = 256 << 20
_MAX_ERROR_BYTES = 1 << 16


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

    def fetch(self, request: Request, seconds: float, tls: ssl.SSLContext | None = None) -> bytes:
        """Send an HTTP request and return the response body; `tls` replaces the system's trusted certificates.

        Args:
            seconds: total time, from the connection to the last byte.

        Raises:
            HTTPError: the server answers with an error status.
            OSError: the server does not answer, or not in HTTP, or with more than MAX_RESPONSE_BYTES.
        """
        with Deadline(seconds) as limit:
            try:
                return self._read(opener(limit, tls), request, seconds)
            finally:
                if limit.expired:
                    raise TimeoutError(f"no complete response within {seconds:g} s")

    def _read(self, opener: OpenerDirector, request: Request, seconds: float) -> bytes:
        try:
            with opener.open(request, timeout=seconds) as answer:
                body = bytes(answer.read(MAX_RESPONSE_BYTES + 1))
                if len(body) <= MAX_RESPONSE_BYTES:
                    if getattr(answer, "length", None):  # `read` with a limit does not raise IncompleteRead
                        raise IncompleteRead(body, answer.length)
                    return body
        except HTTPError as error:  # its body too is read within the deadline
            body = error.read(_MAX_ERROR_BYTES)
            raise HTTPError(error.url, error.code, error.msg, error.headers, io.BytesIO(body)) from error
        except HTTPException as error:  # such as a response that is cut off
            raise OSError(f"not a complete HTTP response: {error!r:.200}") from error
        raise OSError(f"a response of more than {MAX_RESPONSE_BYTES} bytes")

    def retry(
        self,
        call: Callable[[], A],
        on: type[Exception],
        seconds: float = math.inf,
        attempts: float = math.inf,
    ) -> A:
        """Call until no `on` is raised, with exponential backoff and jitter; raise the last one after the limit.

        Args:
            call: what to repeat.
            on: the exceptions after which a repetition may succeed.
            seconds: no repetition starts later than this after the first call.
            attempts: maximum number of calls.
        """
        from tenacity import Retrying, retry_if_exception_type, wait_exponential, wait_random

        until = self.monotonic() + seconds
        return Retrying(
            sleep=self.sleep,
            retry=retry_if_exception_type(on),
            wait=wait_exponential(multiplier=0.5, max=3) + wait_random(0, 1),
            stop=lambda state: (
                state.attempt_number >= attempts or self.monotonic() + state.upcoming_sleep > until
            ),
            reraise=True,
        )(call)

    def request(self, pool: Any, method: str, url: str, **options: Any) -> Any:
        """Send a request to the API server through the client library's connection pool (urllib3's `request`)."""
        return pool.request(method, url, **options)


REAL = Runtime()
