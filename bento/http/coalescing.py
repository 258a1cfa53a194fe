"""Send the head of a response and the first part of its body in one write.

uvicorn writes the head at once: a second system call, and a client that wakes up twice. ASGI asks a server to keep the
head until the body begins.
"""

from __future__ import annotations

import asyncio
from typing import Any

from bento.library_internals import HttpToolsProtocol


class _ResponseTransport:
    """The transport that uvicorn writes one response to; holds back its head."""

    __slots__ = ("_cycle", "_head", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport, cycle: Any) -> None:
        self._transport = transport
        self._cycle = cycle
        self._head: bytes | None = None  # empty: written
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write, or hold back the head."""
        if self._head is None:
            if self._cycle.response_started:
                self._head = data
                return  # else it is `100 Continue`
        elif self._head:
            data, self._head = self._head + data, b""
        self._transport.write(data)

    def flush(self) -> None:
        """Write a head without a body: the response to HEAD, or one that broke off."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        self.flush()
        self._transport.close()


class CoalescingProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # The cycle whose application runs: uvicorn's `cycle` is the latest of those in the pipeline.
        self._running: Any = None

    def on_response_complete(self) -> None:
        """Send the buffered rest, before the next response of the pipeline."""
        if self._running is not None:
            self._running.transport.flush()
        super().on_response_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        cycle.transport = _ResponseTransport(cycle.transport, cycle)
        super()._start_asgi_task(cycle, app)
