"""Speak HTTP with the protocol in memory, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import uvicorn

from bento import library_internals
from bento.http.asgi import App
from bento.http.protocol import LimitedProtocol


class PaperTransport(asyncio.Transport):
    """Remembers each write."""

    def __init__(self, address: str = "192.0.2.1") -> None:
        super().__init__({"peername": (address, 1), "sockname": ("192.0.2.2", 2)})
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        assert not self.closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


def connect(
    app: App, protocol: type[LimitedProtocol] = LimitedProtocol, transport: PaperTransport | None = None
) -> tuple[LimitedProtocol, PaperTransport]:
    """Open a connection, on a running event loop."""
    config = uvicorn.Config(app, log_config=None, lifespan="off")
    config.load()
    connection = protocol(config=config, server_state=library_internals.server_state(), app_state={})
    connection.connection_made(transport := transport or PaperTransport())
    return connection, transport


async def answered(transport: PaperTransport, count: int = 1) -> PaperTransport:
    """Wait until so many responses have been written."""
    async with asyncio.timeout(10):
        while len(transport.writes) < count:
            await asyncio.sleep(0.005)
    return transport


def exchange(
    app: App,
    *pieces: bytes,
    transport: PaperTransport | None = None,
    protocol: type[LimitedProtocol] = LimitedProtocol,
) -> PaperTransport:
    """Send pieces over one connection."""

    async def play() -> PaperTransport:
        connection, its_transport = connect(app, protocol, transport)
        for piece in pieces:
            connection.data_received(piece)
            for _ in range(20):
                await asyncio.sleep(0)
        was_closed = its_transport.closed
        connection.connection_lost(None)
        its_transport.closed = was_closed  # not by the end of the connection
        return its_transport

    return asyncio.run(play())


def request(method: str, path: str, *lines: str, body: bytes = b"") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: x", *lines, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


def statuses(writes: Sequence[bytes]) -> list[bytes]:
    return [write[9:12] for write in writes]
