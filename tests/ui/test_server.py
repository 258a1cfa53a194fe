"""The middleware of both pages, without a server."""

from __future__ import annotations

import asyncio
import re
import tomllib
from pathlib import Path

import anyio
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.config import get_option

from chatbot.hosts import host_check
from ui.shared import server
from ui.shared.server import Guard, HostGuard

ROOT = Path(__file__).resolve().parents[2]


async def answer(request: Request) -> PlainTextResponse:
    size = len(await request.body())
    response = PlainTextResponse(f"read {size}")
    response.set_cookie("_streamlit_user", "x")
    return response


async def stream(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive()


def client(*more: Middleware) -> TestClient:
    routes = [
        Route("/{path:path}", answer, methods=["GET", "PUT", "DELETE"]),
        WebSocketRoute("/_stcore/stream", stream),
    ]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Guard), *more]))


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/upload_file/session/file",
        "/base//_stcore//upload_file/a/b",
        "/base/_stcore/upload_file/a/b",
        "/_stcore/metrics",
        "/_stcore/agent/interact",
        "/_stcore/agent/mcp",
    ],
)
def test_nothing_can_be_uploaded(path: str) -> None:
    assert client().put(path, content=b"x" * 1_000_000).status_code == 404
    assert client().get(path).status_code == 404
    assert client().get("/_stcore/health").text == "read 0"


def test_another_host_name_leads_neither_to_the_page_nor_to_its_websocket() -> None:
    guarded = client(Middleware(HostGuard, is_host=host_check("127.0.0.1")))
    for host, status in (("localhost:8501", 200), ("evil.example:8501", 421)):
        answer = guarded.get("/", headers={"host": host})
        assert answer.status_code == status
        assert "content-security-policy" in answer.headers
    with guarded.websocket_connect("/_stcore/stream", headers={"host": "localhost:8501"}):
        pass
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        guarded.websocket_connect("/_stcore/stream", headers={"host": "evil.example:8501"}),
    ):
        pass
    assert refused.value.code == 1008


def test_the_body_of_an_upload_is_not_read() -> None:
    chunks = 0

    async def receive() -> Message:
        nonlocal chunks
        chunks += 1
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "PUT", "path": "/_stcore/upload_file/a/b", "headers": []}
    anyio.run(Guard(Starlette()), scope, receive, send)
    assert sent[0]["status"] == 404
    assert chunks == 0


def test_every_answer_has_the_security_headers() -> None:
    for path in ("/", "/_stcore/upload_file/a/b"):
        headers = client().get(path).headers
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert "object-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"


def test_cookies_are_secure_behind_a_proxy_that_speaks_https() -> None:
    assert "Secure" not in client().get("/").headers["set-cookie"]
    assert (
        client().get("/", headers={"x-forwarded-proto": "https"}).headers["set-cookie"].endswith("; Secure")
    )


def test_open_websockets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_SESSIONS", 2)
    browser = client()
    path = "/_stcore/stream"
    with (
        browser.websocket_connect(path),
        browser.websocket_connect(path),
        pytest.raises(WebSocketDisconnect),
        browser.websocket_connect(path),
    ):
        pass
    with browser.websocket_connect(path):
        pass


class Browser:
    """A websocket to a guarded app that notes what it receives, without a server."""

    def __init__(self, guard: Guard, address: str) -> None:
        self.sent: list[Message] = []
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._messages.put_nowait({"type": "websocket.connect"})
        scope = {"type": "websocket", "path": "/_stcore/stream", "headers": [], "client": (address, 1)}
        self.task = asyncio.ensure_future(guard(scope, self._messages.get, self._send))

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    async def writes(self, message: Message | None = None) -> None:
        self._messages.put_nowait(message or {"type": "websocket.receive", "bytes": b"x"})
        await self.settles()

    async def settles(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    @property
    def is_open(self) -> bool:
        return not self.task.done() and [m["type"] for m in self.sent][-1:] != ["websocket.close"]

    @property
    def is_refused(self) -> bool:
        return self.sent == [{"type": "websocket.close", "code": 1013}]


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, answer each message until the client leaves, and say good-bye to whoever still listens."""
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": b"y"})
    await send({"type": "websocket.send", "bytes": b"bye"})


def guarded(monkeypatch: pytest.MonkeyPatch, sessions: int, app: ASGIApp = echo) -> tuple[Guard, list[float]]:
    """A guard of so many places, and its clock."""
    monkeypatch.setattr(server, "MAX_SESSIONS", sessions)
    now = [0.0]
    return Guard(app, lambda: now[0]), now


async def opened(guard: Guard, *addresses: str) -> list[Browser]:
    browsers = []
    for address in addresses:
        browsers.append(Browser(guard, address))
        await browsers[-1].settles()
    return browsers


def test_a_client_that_takes_all_places_leaves_one_to_each_other_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attack() -> None:
        guard, _ = guarded(monkeypatch, sessions=6)
        flood = await opened(guard, *["192.0.2.1"] * 6)
        await flood[0].writes()  # the second is the longest idle one now
        others = await opened(guard, "192.0.2.2", "2001:db8::1")
        assert [browser.is_open for browser in flood] == [True, False, False, True, True, True]
        assert flood[1].sent[-1] == {"type": "websocket.close", "code": 1013}
        assert flood[1].task.done(), "the app saw it disconnect, and what it sent then went nowhere"
        again = await opened(guard, *["192.0.2.1"] * 5)
        assert all(browser.is_refused for browser in again)
        assert all(browser.is_open for browser in others)
        network = await opened(guard, *(f"2001:db8::{number:x}" for number in range(2, 9)))
        assert sum(browser.is_open for browser in network) == 1, "an IPv6 network of 64 bits is one client"
        assert others[0].is_open

    asyncio.run(attack())


def test_where_all_share_one_address_the_longest_idle_page_makes_place_after_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def visit() -> None:
        guard, now = guarded(monkeypatch, sessions=3)
        first, second, third = await opened(guard, *["192.0.2.1"] * 3)
        now[0] = server.IDLE_SECONDS - 1
        await first.writes()
        [refused] = await opened(guard, "192.0.2.1")
        assert refused.is_refused
        now[0] = server.IDLE_SECONDS
        [accepted] = await opened(guard, "192.0.2.1")
        assert [page.is_open for page in (first, second, third, accepted)] == [True, False, True, True]

    asyncio.run(visit())


def test_clients_that_do_not_confirm_their_end_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.sleep(3600)

    async def attack() -> None:
        guard, _ = guarded(monkeypatch, 4, deaf)
        monkeypatch.setattr(server, "MAX_ENDING", 2)
        everyone = await opened(guard, *["192.0.2.1"] * 4, *(f"198.51.100.{n}" for n in range(1, 5)))
        assert [browser.is_refused for browser in everyone] == [False] * 6 + [True] * 2
        for browser in everyone:
            browser.task.cancel()

    asyncio.run(attack())


def test_a_flood_of_refused_websockets_is_logged_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def flood() -> None:
        guard, now = guarded(monkeypatch, sessions=1)
        await opened(guard, *["192.0.2.1"] * 20)
        now[0] = 60.0
        await opened(guard, *["192.0.2.1"] * 20)

    asyncio.run(flood())
    assert caplog.text.count("websocket refused: 1 are open") == 2


def test_a_text_frame_closes_the_websocket_before_streamlit_logs_a_traceback() -> None:
    received: list[Message] = []

    async def streamlit(websocket: WebSocket) -> None:
        await websocket.accept()
        received.append(await websocket.receive())

    app = Starlette(routes=[WebSocketRoute("/_stcore/stream", streamlit)], middleware=[Middleware(Guard)])
    with TestClient(app).websocket_connect("/_stcore/stream") as websocket:
        websocket.send_text("hello")
        with pytest.raises(WebSocketDisconnect) as closed:
            websocket.receive_bytes()
    assert closed.value.code == 1003
    assert [message["type"] for message in received] == ["websocket.disconnect"]


@pytest.mark.parametrize("file", ["ui/Dockerfile", "ui/staff.Dockerfile"])
def test_an_image_has_streamlits_configuration_and_what_its_page_is_made_of(file: str) -> None:
    copied = re.findall(r"^COPY (?!--)(.*) \S+$", (ROOT / file).read_text(), re.MULTILINE)
    sources = " ".join(copied).split()
    assert "ui/.streamlit" in sources
    assert "ui/assets/style.css" in sources
    assert all((ROOT / source).exists() for source in sources if "*" not in source)


def test_streamlits_limits_bound_what_clients_make_a_page_buffer() -> None:
    limits = tomllib.loads((ROOT / "ui" / ".streamlit" / "config.toml").read_text())["server"]
    assert limits["maxMessageSize"] * server.MAX_SESSIONS <= 256
    assert limits["maxWidgetStateSize"] <= limits["maxMessageSize"]


def test_a_customer_who_looks_for_an_order_number_elsewhere_finds_the_conversation_again() -> None:
    limits = tomllib.loads((ROOT / "ui" / ".streamlit" / "config.toml").read_text())["server"]
    assert limits["disconnectedSessionTTL"] >= 30 * 60
    # Streamlit ignores an option that it does not know; this raises.
    assert get_option("server.disconnectedSessionTTL")
