"""No client holds a page's connections: by requests that do not end, responses it does not read, idle connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ui.shared import limited_streamlit
from ui.shared.limited_streamlit import PageProtocol

pytestmark = pytest.mark.process

SHORT, LONG = 0.5, 60.0
LARGE = 30_000_000


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def large(request: Request) -> Response:
    return PlainTextResponse(b"x" * LARGE)


async def refuse(request: Request) -> Response:
    return PlainTextResponse("too long", 413)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], socket.socket]]:
    """Connect to a server of the pages' protocol, and send some bytes."""
    for name in ("REQUEST_SECONDS", "READ_SECONDS"):
        monkeypatch.setattr(limited_streamlit, name, LONG)
    routes = [
        Route("/echo", echo, methods=["GET", "POST"]),
        Route("/large", large),
        Route("/refuse", refuse, methods=["POST"]),
    ]
    config = uvicorn.Config(Starlette(routes=routes), http=PageProtocol, port=0, log_level="error", ws="none")
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    opened: list[socket.socket] = []

    def connect_and_send(data: bytes) -> socket.socket:
        client = socket.create_connection(listening.getsockname(), timeout=LONG / 2)
        opened.append(client)
        client.sendall(data)
        return client

    yield connect_and_send
    for client in opened:
        client.close()
    server.should_exit = True
    thread.join()
    listening.close()


POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
GET = b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
UNENDED = {
    "nothing": b"",
    "half a head": GET[:-2],
    "half a body": POST + b"12345",
    "chunks": b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "half a body behind a request": GET + POST + b"12345",
    "half a body of a request that is refused": POST.replace(b"echo", b"refuse") + b"12345",
}


@pytest.mark.parametrize("sent", UNENDED.values(), ids=UNENDED)
def test_a_request_that_does_not_end_is_given_up_though_bytes_still_come(
    sent: bytes, connect: Callable[[bytes], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited_streamlit, "REQUEST_SECONDS", SHORT)
    assert_closed_while_it_drips(connect(sent))


def test_a_whole_request_is_answered_and_the_next_one_has_time_of_its_own(
    connect: Callable[[bytes], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited_streamlit, "REQUEST_SECONDS", 3.0)
    client = connect(POST + b"12345")
    client.sendall(b"67890")
    assert client.recv(1000).endswith(b"1234567890")
    time.sleep(1.0)
    client.sendall(POST + b"abcdefghij")
    assert client.recv(1000).endswith(b"abcdefghij")
    client.sendall(GET[:-2])
    assert_closed_while_it_drips(client)


def test_a_client_that_does_not_read_is_disconnected(
    connect: Callable[[bytes], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited_streamlit, "READ_SECONDS", SHORT)
    client = connect(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")

    def send_until_the_end() -> None:  # which cannot be seen in another way without reading
        for _ in range(300):
            time.sleep(0.1)
            client.sendall(b"x")

    with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
        send_until_the_end()
    reader = connect(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    received = 0
    while received < LARGE:
        received += len(reader.recv(1 << 20))
    assert received > LARGE


def test_beyond_the_limit_the_longest_idle_connection_is_closed_and_others_are_served(
    connect: Callable[[bytes], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited_streamlit, "MAX_CONNECTIONS", 20)
    idle = [connect(b"") for _ in range(10)] + [connect(POST + b"12345") for _ in range(10)]
    for _ in range(5):
        client = connect(GET)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert [each for each in idle if is_closed(each)] == idle[:5]


def test_connections_that_are_answered_are_not_closed_for_new_ones(
    connect: Callable[[bytes], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited_streamlit, "MAX_CONNECTIONS", 3)
    reading = [connect(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(3)]
    assert all(client.recv(4).startswith(b"HTTP") for client in reading)
    refused = connect(b"")
    assert is_closed(refused, LONG / 2)
    assert not any(is_closed(client) for client in reading)


def is_closed(client: socket.socket, seconds: float = 0.05) -> bool:
    """Whether the server has ended a connection; reads what has arrived."""
    client.settimeout(seconds)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def assert_closed_while_it_drips(client: socket.socket) -> None:
    client.settimeout(0.1)
    until = time.monotonic() + LONG / 2
    while time.monotonic() < until:
        try:
            client.sendall(b"1")
            if client.recv(10_000) == b"":
                return
        except TimeoutError:
            continue
        except OSError:
            return
    pytest.fail("the connection is still open")
