"""Leaving so that nobody notices: an HTTP worker's SIGTERM is put off until its clients have heard of it.

    SIGTERM -> /readyz says 503, every answer says `Connection: close`        for CHATBOT_DRAIN_SECONDS
            -> no new connections; those that are open get their answers      until none is left, at most 6 s
            -> the end, as without this

Whoever spreads messages over several servers needs some seconds to hear that one leaves, and sends it new
connections until then: they are taken. A client that keeps its connection alive learns with its next answer
that this one ends. What listens may be shared with the server that comes after (`bento.keeper`): it stays open.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from types import FrameType
from typing import Any

from bento.asgi import Message, Send

# uvicorn closes a kept connection that was silent for 5 s: after that there is none that an answer did not close.
LAST_ANSWERS_SECONDS = 6.0


class Leaving:
    """Whether this process leaves, and how long it takes to."""

    def __init__(self, seconds: float) -> None:
        """Does nothing until `put_off_sigterm`.

        Args:
            seconds: how long connections are taken after SIGTERM; 0: SIGTERM is not put off.
        """
        self.begun = False
        self._seconds = seconds
        self._stopping: asyncio.Task[None] | None = None

    def put_off_sigterm(self) -> None:
        """From now on SIGTERM begins to leave. Called on the event loop that serves."""
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
            # A whole process group may be told: once by whoever stops it, and once by this worker's own parent.
            if not self.begun:
                self.begun = True
                loop.call_soon_threadsafe(begin)

        signal.signal(signal.SIGTERM, put_off)

    def closing(self, send: Send) -> Send:
        """`send`, which says with the answer's head that the connection ends."""

        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [(k, v) for k, v in message.get("headers", ()) if k.lower() != b"connection"]
                message = {**message, "headers": [*others, (b"connection", b"close")]}
            await send(message)

        return send_and_close


def is_told() -> bool:
    """Whether SIGTERM came before `put_off_sigterm`, while this worker was starting: uvicorn took note of it."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))


def end_if_told() -> None:
    """The end of a worker that was told to stop before it took its first connection.

    At once: nothing is in hand yet, and uvicorn would take what waits at the shared socket first, to drop it. The
    runner takes no new connections any more, so waiting for it would hold up the whole server's stop.
    """
    if is_told():
        os._exit(0)


def say_ready() -> None:
    """Tell whoever started this server that it answers, as systemd's services do (sd_notify(3)): NOTIFY_SOCKET."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
        try:
            notify.connect("\0" + address[1:] if address.startswith("@") else address)
            notify.send(b"READY=1")
        except OSError:
            return  # nobody listens any more: nothing to tell


async def _answer_the_last(server: Any) -> None:
    """Stop accepting, and wait until every open connection has got its last answer."""
    for listener in getattr(server, "servers", ()):
        listener.close()
    state = getattr(server, "server_state", None)
    until = time.monotonic() + LAST_ANSWERS_SECONDS
    while state is not None and state.connections and time.monotonic() < until:
        await asyncio.sleep(0.05)
