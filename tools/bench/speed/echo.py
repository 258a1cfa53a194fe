"""Run a server that answers without processing: measured against it, the load generator shows its own cost.

python -m tools.bench.speed.echo            requests per second, and processor time per request in microseconds
python -m tools.bench.speed.echo --serve    only the server; prints its port
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, cast

import typer
import uvloop

from tools.bench.speed.load import HOST, Load, Question, generate, post
from tools.processes import ROOT

_BODY = b'{"intent":"get_refund","response":"You can ask for a refund within 14 days.","confidence":0.97}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(_BODY),
    _BODY,
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop: not a subclass

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Echo, HOST, 0)
    typer.echo(server.sockets[0].getsockname()[1])
    await server.serve_forever()


@contextmanager
def echo_server() -> Iterator[int]:
    """Run the server in a separate process; yields its port."""
    command = [sys.executable, "-u", "-m", "tools.bench.speed.echo", "--serve"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            yield int(process.stdout.readline())
        finally:
            process.kill()


def own_cost(connections: int = 64, seconds: float = 2.0) -> Load:
    """Measure the load generator against the echo server."""
    with echo_server() as port:
        question = Question(post("/chat", b'{"message":"where is my order 20418"}', port), "get_refund")
        return generate(port, [question] * 200_000, connections, seconds, warmup=0.3)


@app.command()
def main(serve: Annotated[bool, typer.Option("--serve", help="Only serve.")] = False) -> None:
    """Print the load generator's cost."""
    if serve:
        uvloop.run(_serve())
        return
    for connections in (1, 16, 64):
        cost = own_cost(connections)
        typer.echo(
            f"{connections:3d} connections: {cost.per_second:,.0f} requests a second, "
            f"{cost.generator_microseconds:.1f} µs of processor time a request, "
            f"p99 {cost.percentile(99):.2f} ms, errors {sum(cost.errors.values())}"
        )


if __name__ == "__main__":
    app()
