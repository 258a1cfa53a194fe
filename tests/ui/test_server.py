"""The middleware of both pages, without a server."""

from __future__ import annotations

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
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from ui.shared import server
from ui.shared.server import Guard

ROOT = Path(__file__).resolve().parents[2]


async def answer(request: Request) -> PlainTextResponse:
    size = len(await request.body())
    response = PlainTextResponse(f"read {size}")
    response.set_cookie("_streamlit_user", "x")
    return response


async def stream(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive()


def client() -> TestClient:
    routes = [
        Route("/{path:path}", answer, methods=["GET", "PUT", "DELETE"]),
        WebSocketRoute("/_stcore/stream", stream),
    ]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Guard)]))


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
