"""Graceful shutdown with connection draining: delay an HTTP worker's SIGTERM until clients use other servers.

    SIGTERM -> /readyz returns 503, every response says `Connection: close`   for CHATBOT_DRAIN_SECONDS
            -> no new connections; open ones get their responses              until none is left, at most 6 s
            -> exit, as without this module

A load balancer needs several seconds to deregister a server and sends it new connections until then: they are
accepted. A client with a keep-alive connection learns with its next response that the connection ends.
"""

from __future__ import annotations

import asyncio
import signal
import time
from types import FrameType

import uvicorn

from bento import library_internals

# uvicorn closes idle keep-alive connections after 5 s: after this time every connection left is still in use.
LAST_ANSWERS_SECONDS = 6.0


class ConnectionDraining:
    """Graceful shutdown of this process.

    Attributes:
        is_active: whether SIGTERM was received, so that connections are drained.
    """

    def __init__(self, seconds: float) -> None:
        """Configure draining; has no effect before `install`.

        Args:
            seconds: drain period after SIGTERM during which connections are accepted; 0: SIGTERM is not delayed.
        """
        self.is_active = False
        self._seconds = seconds
        self._stopping: asyncio.Task[None] | None = None

    def install(self) -> None:
        """Install the SIGTERM handler that starts draining. Call it on the event loop that serves."""
        server = library_internals.uvicorn_server()
        handler = signal.getsignal(signal.SIGTERM)
        if not self._seconds or server is None or not callable(handler):
            return
        loop = asyncio.get_running_loop()

        async def drain() -> None:
            await asyncio.sleep(self._seconds)
            await _finish_connections(server)
            handler(signal.SIGTERM, None)

        def start() -> None:
            self._stopping = loop.create_task(drain())

        def delay(_number: int, _frame: FrameType | None) -> None:
            # SIGTERM may arrive twice: sent to the process group, and sent by this worker's parent.
            if not self.is_active:
                self.is_active = True
                loop.call_soon_threadsafe(start)

        signal.signal(signal.SIGTERM, delay)


def is_stop_requested() -> bool:
    """Whether SIGTERM arrived before `install`, while this worker was starting."""
    server = library_internals.uvicorn_server()
    return server is not None and library_internals.is_stopping(server)


async def _finish_connections(server: uvicorn.Server) -> None:
    """Stop accepting, and wait until every open connection has received its response and closed."""
    library_internals.close_listeners(server)
    until = time.monotonic() + LAST_ANSWERS_SECONDS
    while library_internals.open_connections(server) and time.monotonic() < until:
        await asyncio.sleep(0.05)
