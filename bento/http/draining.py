"""Graceful shutdown with connection draining: delay an HTTP worker's SIGTERM until clients use other servers.

    SIGTERM -> /readyz returns 503, every response says `Connection: close`   for CHATBOT_DRAIN_SECONDS
            -> no new connections; open ones get their responses              until none is left, at most 6 s
            -> exit, as without this module

A load balancer needs some seconds to deregister a server and sends it new connections until then: they are
accepted. A client with a keep-alive connection learns with its next response that the connection ends. The
listening socket may be shared with the next server (`bento.keeper`) and stays open there.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from types import FrameType
from typing import Any

from bento.http.asgi import Message, Send

# uvicorn closes idle keep-alive connections after 5 s: after this time every connection left is still in use.
LAST_ANSWERS_SECONDS = 6.0


class ConnectionDraining:
    """Graceful shutdown of this process.

    Attributes:
        begun: whether SIGTERM was received and draining has begun.
    """

    def __init__(self, seconds: float) -> None:
        """Configure draining; has no effect before `install`.

        Args:
            seconds: drain period after SIGTERM during which connections are accepted; 0: SIGTERM is not delayed.
        """
        self.begun = False
        self._seconds = seconds
        self._stopping: asyncio.Task[None] | None = None

    def install(self) -> None:
        """Install the SIGTERM handler that starts draining. Call it on the event loop that serves."""
        handler = signal.getsignal(signal.SIGTERM)
        if not self._seconds or not callable(handler):
            return
        server = getattr(handler, "__self__", None)  # the uvicorn.Server whose handler this is
        loop = asyncio.get_running_loop()

        async def leave() -> None:
            await asyncio.sleep(self._seconds)
            await _answer_the_last(server)
            handler(signal.SIGTERM, None)

        def begin() -> None:
            self._stopping = loop.create_task(leave())

        def put_off(_number: int, _frame: FrameType | None) -> None:
            # SIGTERM may arrive twice: sent to the process group, and sent by this worker's parent.
            if not self.begun:
                self.begun = True
                loop.call_soon_threadsafe(begin)

        signal.signal(signal.SIGTERM, put_off)

    def closing(self, send: Send) -> Send:
        """Wrap `send` so that the response says `Connection: close`."""

        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [(k, v) for k, v in message.get("headers", ()) if k.lower() != b"connection"]
                message = {**message, "headers": [*others, (b"connection", b"close")]}
            await send(message)

        return send_and_close


def is_told() -> bool:
    """Whether uvicorn received SIGTERM before `install`, while this worker was starting."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))


def end_if_told() -> None:
    """Exit immediately if SIGTERM arrived before the first connection was accepted.

    No request is in flight, and uvicorn would first accept the connections queued on the shared socket and drop
    them. The runner accepts no new connections any more, so waiting for it would delay the server's shutdown.
    """
    if is_told():
        os._exit(0)


def say_ready() -> None:
    """Send READY=1 to the socket in NOTIFY_SOCKET, as systemd services do (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
        try:
            notify.connect("\0" + address[1:] if address.startswith("@") else address)
            notify.send(b"READY=1")
        except OSError:
            return  # the receiver is gone


async def _answer_the_last(server: Any) -> None:
    """Stop accepting, and wait until every open connection has received its response and closed."""
    for listener in getattr(server, "servers", ()):
        listener.close()
    state = getattr(server, "server_state", None)
    until = time.monotonic() + LAST_ANSWERS_SECONDS
    while state is not None and state.connections and time.monotonic() < until:
        await asyncio.sleep(0.05)
