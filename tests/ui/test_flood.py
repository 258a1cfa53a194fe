"""What anybody can send to a page leaves its memory bounded: websockets, giant frames, uploads."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from socket import create_connection, socket

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.ui.conftest import ChatPage
from ui.shared.limited_streamlit import REQUEST_SECONDS
from ui.shared.server import MAX_SESSIONS

pytestmark = pytest.mark.process

MAX_MB = 300
"""Memory of a page's process; 121 MB were measured with as many sessions as it takes, each with the page drawn."""


def memory_mb(page: ChatPage) -> int:
    assert page.process is not None
    status = Path(f"/proc/{page.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def upload(page: ChatPage) -> int:
    connection = HTTPConnection("127.0.0.1", page.port, timeout=20)
    with contextlib.suppress(OSError):
        connection.request("PUT", "/_stcore/upload_file/session/file", body=b"x" * 20_000_000)
    try:
        return connection.getresponse().status
    except OSError:
        return 404  # closed while it was still being sent
    finally:
        connection.close()


@dataclass
class Unfinished:
    """A page, and connections to it whose requests do not come."""

    page: ChatPage
    silent: socket
    half: socket


@pytest.fixture(scope="module", autouse=True)
def unfinished(serve_page: Callable[..., ChatPage]) -> Iterator[Unfinished]:
    """Begins with the module's first test: the page gives the connections up after seconds, while others run."""
    page = serve_page(CHATBOT_UI_API_URL="http://127.0.0.1:9", CHATBOT_UI_ALLOWED_HOSTS="shop.example.com")
    address = ("127.0.0.1", page.port)
    with create_connection(address, 20) as silent, create_connection(address, 20) as half:
        half.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        yield Unfinished(page, silent, half)


def test_a_flood_of_websockets_frames_and_uploads_leaves_memory_bounded(
    serve_page: Callable[..., ChatPage],
) -> None:
    page = serve_page(CHATBOT_UI_API_URL="http://127.0.0.1:9")
    rerun = BackMsg(rerun_script={}).SerializeToString()
    with contextlib.ExitStack() as stack:
        opened: list[ClientConnection] = []
        refused = 0
        for _ in range(MAX_SESSIONS + 50):
            try:
                url = f"ws://127.0.0.1:{page.port}/_stcore/stream"
                opened.append(stack.enter_context(connect(url, max_size=None, close_timeout=1)))
            except InvalidStatus:
                refused += 1
        assert (len(opened), refused) == (MAX_SESSIONS, 50)
        for websocket in opened[-30:]:
            websocket.send(rerun)
        for websocket in opened[:10]:
            with contextlib.suppress(ConnectionClosed, OSError):
                websocket.send(b"x" * 20_000_000)
            with pytest.raises(ConnectionClosedError):
                list(websocket)
        assert {upload(page) for _ in range(10)} == {404}
        assert memory_mb(page) < MAX_MB
    assert page.ready()


def test_a_client_that_takes_all_places_leaves_one_to_a_client_of_another_address(
    serve_page: Callable[..., ChatPage],
) -> None:
    page = serve_page(CHATBOT_UI_API_URL="http://127.0.0.1:9")
    url = f"ws://127.0.0.1:{page.port}/_stcore/stream"
    with contextlib.ExitStack() as stack:
        flood = [stack.enter_context(connect(url, close_timeout=1)) for _ in range(MAX_SESSIONS)]
        with pytest.raises(InvalidStatus):
            connect(url)
        socket = create_connection(("127.0.0.1", page.port), 20, source_address=("127.0.0.2", 0))
        visitor = stack.enter_context(connect(url, sock=socket, close_timeout=1))
        visitor.send(BackMsg(rerun_script={}).SerializeToString())
        assert visitor.recv(timeout=60)
        with pytest.raises(ConnectionClosedError) as closed:
            list(flood[0])
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
    assert "Traceback" not in page.output


def test_a_web_site_whose_name_leads_to_this_machine_cannot_use_the_page(unfinished: Unfinished) -> None:
    port = unfinished.page.port
    for host, is_answered in (("localhost", True), ("shop.example.com", True), ("evil.example", False)):
        url = f"ws://{host}:{port}/_stcore/stream"
        same_origin = {
            "sock": create_connection(("127.0.0.1", port), 20),
            "origin": f"http://{host}:{port}",
        }
        with contextlib.ExitStack() as stack:
            if not is_answered:
                stack.enter_context(pytest.raises(InvalidStatus))
            stack.enter_context(connect(url, close_timeout=1, **same_origin))


def test_a_head_that_does_not_end_is_refused_and_one_that_does_not_come_is_not_awaited(
    unfinished: Unfinished,
) -> None:
    page = unfinished.page
    address = ("127.0.0.1", page.port)
    with create_connection(address, 20) as endless, pytest.raises((ConnectionResetError, BrokenPipeError)):
        endless.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 30_000_000)
    kept = HTTPConnection(*address, timeout=20)
    for _ in range(2):
        kept.request("GET", "/_stcore/health")
        assert kept.getresponse().read() == b"ok"
    kept.close()
    for waiting in (unfinished.silent, unfinished.half):
        waiting.settimeout(REQUEST_SECONDS + 20)
        with contextlib.suppress(ConnectionResetError):
            assert waiting.recv(100) == b""
    assert memory_mb(page) < MAX_MB
