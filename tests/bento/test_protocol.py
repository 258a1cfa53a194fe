"""The HTTP protocol's limits, over real sockets: head size, URL, trailers, deadlines, connections, h2c, Host."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvicorn

from bento.http import protocol
from bento.http.asgi import Receive, Scope, Send
from bento.http.protocol import ConnectionLimits, LimitedProtocol
from tests.support.requirements import program

pytestmark = pytest.mark.process

LARGE = 32 << 20
"""Length of a response beyond what the kernel buffers."""


LEFT = threading.Event()
"""A request to `/wait` has received the disconnect of its client."""


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = b""
    if scope["path"] == "/wait":
        async with asyncio.timeout(3):
            while (await receive())["type"] != "http.disconnect":
                pass
        LEFT.set()
        return
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["path"] == "/large":
        body = b"a" * LARGE
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", str(len(body)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": body})


class Running:
    """A uvicorn server with the protocol in a thread."""

    def __init__(self) -> None:
        self.refused: list[int] = []
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(echo, http=LimitedProtocol, log_config=None, lifespan="off", loop="asyncio")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=asyncio.run, args=(self.server.serve([listener]),))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    running = Running()
    limits = ConnectionLimits(max_connections=20, head_seconds=0.4, on_refused=running.refused.append)
    monkeypatch.setattr(LimitedProtocol, "limits", limits)
    running.thread.start()
    yield running
    running.server.should_exit = True
    running.thread.join(10)
    assert not running.thread.is_alive()


def exchange(server: Running, *pieces: bytes) -> bytes:
    """Send pieces until the server closes or all are sent; return all that it answers."""
    with server.connect() as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        received = b""
        try:
            while part := connection.recv(65536):
                received += part
        except (ConnectionResetError, TimeoutError):
            pass
        return received


def wait_for_connections(server: Running, count: int) -> None:
    """Wait until the server has this many connections, however busy the machine is."""
    until = time.monotonic() + 10
    while len(server.server.server_state.connections) != count and time.monotonic() < until:
        time.sleep(0.01)


def status(answer: bytes) -> int:
    return int(answer.split()[1])


HEAD = b"POST /chat HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n"


def test_a_usual_request_is_answered(server: Running) -> None:
    answer = exchange(server, HEAD + b"Content-Length: 5\r\n\r\nhello")
    assert status(answer) == 200
    assert answer.endswith(b"hello")
    assert server.refused == []


def test_a_head_in_single_bytes_and_a_body_in_two_parts_are_answered(server: Running) -> None:
    pieces = [bytes([byte]) for byte in HEAD + b"Content-Length: 10\r\n\r\n"]
    assert exchange(server, *pieces, b"hello", b"world").endswith(b"helloworld")


def test_requests_on_one_connection_and_pipelined_ones_are_answered_in_order(server: Running) -> None:
    one = b"POST / HTTP/1.1\r\nHost: bot\r\nContent-Length: 3\r\n\r\n"
    answer = exchange(server, one + b"one" + one + b"two" + HEAD + b"Content-Length: 5\r\n\r\n", b"three")
    assert [part[-5:].strip() for part in answer.split(b"HTTP/1.1 200")[1:]] == [b"one", b"two", b"three"]


def test_an_old_connection_ends_with_its_next_response(server: Running) -> None:
    request = b"POST / HTTP/1.1\r\nHost: bot\r\nContent-Length: 3\r\n\r\n"
    LimitedProtocol.limits.max_age_seconds = 0.2
    LimitedProtocol.limits.head_seconds = 30
    with server.connect() as connection:
        connection.sendall(request + b"one")
        young = connection.recv(65536)
        time.sleep(0.3)
        connection.sendall(request + b"two")
        old = b"".join(iter(lambda: connection.recv(65536), b""))  # until the server closes
    assert young.endswith(b"one")
    assert b"connection: close" not in young
    assert old.endswith(b"two")
    assert b"connection: close" in old
    assert server.refused == []


def test_a_young_connection_stays_open_and_without_a_limit_an_old_one_too(server: Running) -> None:
    request = b"POST / HTTP/1.1\r\nHost: bot\r\nContent-Length: 3\r\n\r\n"
    LimitedProtocol.limits.head_seconds = 30
    for seconds in (60, 0):
        LimitedProtocol.limits.max_age_seconds = seconds
        with server.connect() as connection:
            for body in (b"one", b"two"):
                connection.sendall(request + body)
                answer = connection.recv(65536)
                assert answer.endswith(body)
                assert b"connection: close" not in answer
                time.sleep(0.05)


def test_more_pipelined_requests_than_a_connection_may_queue_are_refused(server: Running) -> None:
    one = b"GET / HTTP/1.1\r\nHost: bot\r\n\r\n"
    allowed = exchange(server, one * protocol.MAX_PIPELINED + HEAD + b"\r\n")
    assert allowed.count(b"HTTP/1.1 200") == protocol.MAX_PIPELINED + 1
    assert server.refused == []
    assert exchange(server, one * 2_000).count(b"HTTP/1.1 200") <= protocol.MAX_PIPELINED + 1
    assert server.refused == [429]


@pytest.mark.parametrize(
    "head", [b"GET /large HTTP/1.1\r\nHost: bot\r\n\r\n", HEAD.replace(b"/chat", b"/large") + b"\r\n"]
)
def test_a_client_that_does_not_read_its_response_is_disconnected(server: Running, head: bytes) -> None:
    LimitedProtocol.limits.write_seconds = 0.3
    with server.connect() as connection:
        connection.sendall(head)
        until = time.monotonic() + 10
        while not server.server.server_state.connections and time.monotonic() < until:
            time.sleep(0.01)
        while server.server.server_state.connections and time.monotonic() < until:
            time.sleep(0.01)
        assert not server.server.server_state.connections, "the response waits for its reader forever"


def test_a_client_that_reads_slowly_gets_its_whole_response(server: Running) -> None:
    LimitedProtocol.limits.write_seconds = 2
    with server.connect() as connection:
        connection.sendall(HEAD.replace(b"/chat", b"/large") + b"\r\n")
        received = 0
        while part := connection.recv(1 << 20):
            received += len(part)
            time.sleep(0.01)
    assert received > LARGE


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((b"GET /" + b"a" * protocol.MAX_URL_BYTES + b" HTTP/1.1\r\nHost: bot\r\n\r\n",), 414),
        ((b"GET /", *[b"a" * 4096] * 100), 414),
        ((HEAD + b"X: " + b"a" * protocol.MAX_HEAD_BYTES + b"\r\n\r\n",), 431),
        ((HEAD + b"X: ", *[b"a" * 65536] * 200), 431),
        ((HEAD + b"A: b\r\n" * (protocol.MAX_HEADERS + 1) + b"\r\n",), 431),
        ((HEAD, *[b"X-Header: value\r\n" * 1000] * 200), 431),
        ((b"GET / HTTP/1.1\r\n\r\n",), 400),
        ((b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",), 400),
        ((b"NONSENSE\r\n\r\n",), 400),
        ((b"GET /\r\n\r\n",), 400),
        ((b"GET /\r\nHost: bot\r\n\r\n",), 400),
        ((HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",), 400),
        ((HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",), 400),
    ],
    ids=["url", "endless url", "head", "endless value", "lines", "endless lines", "no host", "two hosts", "nonsense",
         "HTTP/0.9", "HTTP/0.9 with a header", "length and chunked", "two lengths"],
)  # fmt: skip
def test_what_exceeds_a_limit_is_refused_in_the_apis_format_and_counted(
    server: Running, pieces: tuple[bytes, ...], expected: int
) -> None:
    answer = exchange(server, *pieces)
    # A client that is still sending may lose the answer to the reset of the connection; the refusal is counted.
    if answer:
        assert status(answer) == expected
        error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
        assert set(error) == {"type", "message", "details"}
    assert server.refused == [expected]


@pytest.mark.parametrize(
    "body",
    [b"10000000000000014\r\nhello\r\n0\r\n\r\n", b"-1\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n"],
    ids=["chunk size beyond 64 bits", "negative chunk size", "chunk without its end"],
)
def test_a_malformed_body_is_answered_in_the_apis_format_too(server: Running, body: bytes) -> None:
    answer = exchange(server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert status(answer) == 400
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "bad_request"
    assert answer.count(b"HTTP/1.1") == 1, "the response of the service does not follow"


def test_a_client_of_malformed_requests_does_not_fill_the_log(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(30):
        assert status(exchange(server, b"no HTTP\r\n\r\n")) == 400
    assert caplog.text.count("Invalid HTTP request") <= 1


def test_endless_trailers_are_refused(server: Running) -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
    exchange(server, head, *[b"X-Trailer: " + b"a" * 60_000 + b"\r\n"] * 50)
    assert server.refused == [431]


def test_small_chunks_are_accepted(server: Running) -> None:
    chunks = b"".join(b"1\r\nx\r\n" for _ in range(20_000))
    assert exchange(server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunks, b"0\r\n\r\n").endswith(
        b"x" * 100
    )


def test_a_half_sent_head_is_given_up_after_the_deadline(server: Running) -> None:
    with server.connect() as connection:
        began = time.monotonic()
        connection.sendall(b"POST /chat HTTP/1.1\r\nHost: bot\r\n")
        answer = connection.recv(65536)
    assert status(answer) == 408
    assert 0.3 < time.monotonic() - began < 5


def test_a_pipelined_half_sent_head_is_given_up_too(server: Running) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: bot\r\n\r\nPOST /chat HTTP/1.1\r\nHo")
        received = b""
        while part := connection.recv(65536):
            received += part
    assert received.count(b"HTTP/1.1 200") == 1
    assert received.count(b"HTTP/1.1 408") == 1


@pytest.mark.parametrize("before", [b"\r\n\r\n", b"\n", b"GET / HTTP/1.1\r\nHost: bot\r\n\r\n"])
@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        (b"a:\r\n" * (protocol.MAX_HEADERS + 1), 431),
        (b"a: " + b"x" * protocol.MAX_HEAD_BYTES + b"\r\nb: c\r\n", 431),
        (b"", 414),
    ],
    ids=["many headers", "a long header", "a long URL"],
)
def test_a_head_behind_empty_lines_or_another_request_has_the_same_limits(
    server: Running, before: bytes, lines: bytes, refused: int
) -> None:
    """The parser gets it before it is complete, and held thousands of headers until the deadline."""
    LimitedProtocol.limits.head_seconds = 30
    path = b"/" + b"x" * (0 if lines else protocol.MAX_URL_BYTES + 1)
    head = b"GET " + path + b" HTTP/1.1\r\nHost: bot\r\n" + lines
    unfinished = b"GET" in before
    with server.connect() as connection:
        connection.sendall(before + head + (b"" if unfinished else b"\r\n"))
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.count(b"HTTP/1.1 %d" % refused) == 1
    assert server.refused == [refused]


def test_empty_lines_before_a_request_are_ignored(server: Running) -> None:
    assert status(exchange(server, b"\r", b"\n\r\n", HEAD + b"Content-Length: 5\r\n\r\nhello")) == 200
    assert server.refused == []


def test_connections_that_say_nothing_are_closed(server: Running) -> None:
    with server.connect() as connection:
        assert connection.recv(1) == b""
    assert server.refused == []


def test_idle_connections_give_way_to_new_ones(server: Running) -> None:
    LimitedProtocol.limits.head_seconds = 30
    with ExitStack() as stack:
        idle = [stack.enter_context(server.connect()) for _ in range(20)]
        assert exchange(server, HEAD + b"\r\n").startswith(b"HTTP/1.1 200")
        idle[0].settimeout(5)
        assert idle[0].recv(1) == b""
        idle[-1].sendall(b"GET / HTTP/1.1\r\nHost: bot\r\n\r\n")
        assert idle[-1].recv(100).startswith(b"HTTP/1.1 200")
    assert server.refused == []


def test_where_all_connections_are_busy_a_new_one_is_refused(server: Running) -> None:
    LimitedProtocol.limits.head_seconds = 30
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(server.connect()).sendall(b"POST / HTTP/1.1\r\nHost: bot\r\n")
        wait_for_connections(server, 20)
        assert status(exchange(server, HEAD + b"\r\n")) == 503
    assert server.refused == [503]


@pytest.mark.parametrize(("proxies", "expected"), [((), 503), (("127.0.0.1",), 200)])
def test_one_address_may_not_take_all_connections_unless_it_is_a_trusted_proxy(
    server: Running, proxies: tuple[str, ...], expected: int
) -> None:
    limits = LimitedProtocol.limits
    limits.max_per_address, limits.trusted_proxies, limits.head_seconds = 3, frozenset(proxies), 30
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(server.connect())
        assert status(exchange(server, HEAD + b"\r\n")) == expected
    wait_for_connections(server, 0)
    assert status(exchange(server, HEAD + b"\r\n")) == 200, "places are released"


def test_a_request_that_offers_h2c_keeps_its_body(server: Running) -> None:
    """As Java's HttpClient sends it."""
    answer = exchange(
        server,
        b"POST /chat HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings, close\r\nContent-Length: 5\r\nHost: bot\r\n"
        b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\n\r\nhello",
    )
    assert status(answer) == 200
    assert answer.endswith(b"hello")


WEBSOCKET = (
    b"GET / HTTP/1.1\r\nHost: bot\r\nConnection: Upgrade, close\r\nUPgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [(WEBSOCKET, [200]), (b"GET / HTTP/1.1\r\nHost: bot\r\n\r\n" + WEBSOCKET, [400])],
    ids=["any case", "pipelined"],
)
def test_no_request_becomes_a_websocket_which_has_no_limits(
    server: Running, request_: bytes, expected: list[int]
) -> None:
    LimitedProtocol.limits.head_seconds = 0.2
    answer = exchange(server, request_)
    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == expected
    until = time.monotonic() + 5
    while LimitedProtocol.limits.by_address and time.monotonic() < until:
        time.sleep(0.01)
    assert not LimitedProtocol.limits.by_address, "its place is released"


@pytest.mark.parametrize("count", [2, 30], ids=["left", "refused"])
def test_the_running_one_of_pipelined_requests_ends_with_its_connection(server: Running, count: int) -> None:
    """Else it is answered into a closed transport, which logs a traceback of kilobytes for each connection."""
    LEFT.clear()
    with server.connect() as connection:
        connection.sendall(b"GET /wait HTTP/1.1\r\nHost: bot\r\n\r\n" * count)
        time.sleep(0.1)
    assert LEFT.wait(2)


JAVA = """
import java.net.URI;
import java.net.http.*;

public class Post {
    public static void main(String[] arguments) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(arguments[0]))
            .POST(HttpRequest.BodyPublishers.ofString("hello from java")).build();
        // The default client offers h2c.
        var response = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.print(response.statusCode() + " " + response.body());
    }
}
"""
NODE = """
const http = require("http");
const headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk"};
const request = http.request(process.argv[2], {method: "POST", headers}, response => {
  let text = "";
  response.on("data", part => text += part);
  response.on("end", () => process.stdout.write(response.statusCode + " " + text));
});
request.end("hello from node");
"""


def test_javas_http_client_which_offers_h2c_by_default_is_served(server: Running, tmp_path: Path) -> None:
    (tmp_path / "Post.java").write_text(JAVA)
    assert output(program("java"), tmp_path / "Post.java", url(server)) == "200 hello from java"


def test_node_offering_h2c_is_served(server: Running, tmp_path: Path) -> None:
    (tmp_path / "post.js").write_text(NODE)
    assert output(program("node"), tmp_path / "post.js", url(server)) == "200 hello from node"


def test_curl_offering_h2c_is_served(server: Running) -> None:
    arguments = (
        "--http2",
        "-sS",
        "-w",
        " %{http_code} %{http_version}",
        "-d",
        "hello from curl",
        url(server),
    )
    assert output(program("curl"), *arguments) == "hello from curl 200 1.1"


def url(server: Running) -> str:
    return f"http://127.0.0.1:{server.port}/chat"


def output(command: Path, *arguments: str | Path) -> str:
    return subprocess.run(
        [command, *arguments], capture_output=True, text=True, timeout=120, check=True
    ).stdout
