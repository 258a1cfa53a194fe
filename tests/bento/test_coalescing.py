"""A response is one write: its head waits for the body, and is not lost where none comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
import uvicorn

from bento import library_internals
from bento.http.asgi import App, Receive, Scope, Send
from bento.http.protocol import LimitedProtocol

HEADERS = [(b"content-length", b"5")]


class PaperTransport(asyncio.Transport):
    """Remembers each write."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1), "sockname": ("192.0.2.2", 2)})
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


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in as many parts as the path says; `/broken` breaks off after the head."""
    message = await receive()
    headers = [] if scope["path"] == "/parts" else HEADERS
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/broken":
        raise RuntimeError("broken")
    if scope["path"] == "/parts":
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await send({"type": "http.response.body", "body": message["body"] or b"hello"})


def exchange(*pieces: bytes, served: App = app, transport: PaperTransport | None = None) -> PaperTransport:
    """Send pieces over one connection."""

    async def play(transport: PaperTransport) -> PaperTransport:
        config = uvicorn.Config(served, log_config=None, lifespan="off")
        config.load()
        protocol = LimitedProtocol(config=config, server_state=library_internals.server_state(), app_state={})
        protocol.connection_made(transport)
        for piece in pieces:
            protocol.data_received(piece)
            for _ in range(20):
                await asyncio.sleep(0)
        was_closed = transport.closed
        protocol.connection_lost(None)
        transport.closed = was_closed  # not by the end of the connection
        return transport

    return asyncio.run(play(transport or PaperTransport()))


def request(method: str, path: str, *lines: str, body: bytes = b"") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: x", *lines, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


def statuses(writes: Sequence[bytes]) -> list[bytes]:
    return [write[9:12] for write in writes]


def test_head_and_body_are_one_write_for_each_of_pipelined_requests() -> None:
    writes = exchange(request("POST", "/", body=b"early") + request("POST", "/", body=b"later")).writes
    assert statuses(writes) == [b"200", b"200"]
    assert [write[-5:] for write in writes] == [b"early", b"later"]


def test_of_a_response_in_parts_the_head_goes_with_the_first() -> None:
    head_and_first, *others = exchange(request("GET", "/parts")).writes
    assert head_and_first.endswith(b"\r\n\r\n5\r\nfirst\r\n")
    assert b"".join(others) == b"5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize(("method", "path"), [("HEAD", "/"), ("GET", "/broken")])
def test_a_head_without_a_body_is_sent(method: str, path: str) -> None:
    transport = exchange(request(method, path), request("GET", "/") if method == "HEAD" else b"")
    assert statuses(transport.writes) == [b"200"] * (1 + (method == "HEAD"))
    assert transport.writes[0].endswith(b"\r\n\r\n")
    assert transport.closed == (path == "/broken")


def test_a_head_without_a_body_goes_before_the_next_response_of_the_pipeline() -> None:
    head, whole = exchange(request("HEAD", "/") + request("GET", "/")).writes
    assert head.endswith(b"\r\n\r\n")
    assert whole.endswith(b"hello")


def test_each_later_part_of_a_response_is_written_at_once() -> None:
    transport, written = PaperTransport(), list[int]()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"1", b"2", b"3"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            written.append(len(transport.writes))
        await send({"type": "http.response.body", "body": b""})

    exchange(request("GET", "/"), served=stream, transport=transport)
    assert written == [1, 2, 3]


def test_a_client_that_waits_for_continue_gets_it_at_once() -> None:
    head = request("POST", "/", "Expect: 100-continue", body=b"hello")[:-5]
    writes = exchange(head, b"hello").writes
    assert statuses(writes) == [b"100", b"200"]
