"""A server that only answers: what is left of a measurement against it is the load generator's own cost.

python -m tools.bench.echo        requests a second, and microseconds of processor time a request
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import cast

import uvloop
from rich.console import Console

from tools.bench.load import HOST, Load, Question, generate, post

_BODY = b'{"intent":"get_refund","response":"You can ask for a refund within 14 days.","confidence":0.97}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(_BODY),
    _BODY,
)


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER)


def _serve(ready: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Echo, HOST, 0)
        listener: socket.socket = server.sockets[0]
        ready.send(listener.getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


@contextmanager
def echo_server() -> Iterator[int]:
    """The server in a process of its own; gives its port."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def own_cost(connections: int = 64, seconds: float = 2.0) -> Load:
    """The generator against a server that does nothing."""
    with echo_server() as port:
        question = Question(post("/chat", b'{"message":"where is my order 20418"}', port), "get_refund")
        return generate(port, [question] * 200_000, connections, seconds, warmup=0.3)


if __name__ == "__main__":
    for connections in (1, 16, 64):
        cost = own_cost(connections)
        Console().print(
            f"{connections:3d} connections: {cost.per_second:,.0f} requests a second, "
            f"{cost.generator_microseconds:.1f} µs of processor time a request, "
            f"p99 {cost.percentile(99):.2f} ms, errors {sum(cost.errors.values())}"
        )
