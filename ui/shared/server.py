"""Guard both pages by ASGI middleware: refuse Streamlit's unused routes, limit websockets, set the security headers.

The headers contain the content security policy (CSP) of both pages.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

MAX_SESSIONS = 256
"""Maximum number of open websockets of a process; with server.maxMessageSize it bounds what clients make it buffer."""

_CLOSED = ("/_stcore/upload_file", "/_stcore/metrics", "/_stcore/agent")
"""Unused routes of Streamlit. Through the first, any client could fill the memory without a session; by the last, open
sessions beyond `MAX_SESSIONS` where a variable of Streamlit's enables it.
"""
_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Streamlit's index page has inline scripts and styles.
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
}


class Guard:
    """Refuses uploads and too many websockets; adds security headers to every response that lacks them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it before its body is read."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if proxied_https:
                    _secure_cookies(headers)
            await send(message)

        proxied_https = Headers(scope=scope).get("x-forwarded-proto", "").lower() == "https"
        refused = is_closed(scope)
        app = PlainTextResponse("not found\n", 404, {"connection": "close"}) if refused else self._app
        await app(scope, receive, send_with_headers)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._open >= MAX_SESSIONS:
            log.warning("websocket refused: %d are open", self._open)
            await send({"type": "websocket.close", "code": 1013})
            return
        self._open += 1

        async def receive_bytes() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and message.get("bytes") is None:
                # Streamlit expects protobuf: a text frame would write a traceback of 4 kB to the log.
                await send({"type": "websocket.close", "code": 1003})
                return {"type": "websocket.disconnect", "code": 1003}
            return message

        try:
            await self._app(scope, receive_bytes, send)
        finally:
            self._open -= 1


def is_closed(scope: MutableMapping[str, Any]) -> bool:
    """Whether a request is for a route that is closed, under any base path and spelling."""
    parts = [part for part in str(scope["path"]).split("/") if part]
    return any(route in "/" + "/".join(parts) for route in _CLOSED)


def _secure_cookies(headers: MutableHeaders) -> None:
    """Add Secure to the cookies that Streamlit sets: it does not know that a proxy in front speaks HTTPS."""
    cookies = headers.getlist("set-cookie")
    del headers["set-cookie"]
    for cookie in cookies:
        headers.append("set-cookie", cookie if "; secure" in cookie.lower() else f"{cookie}; Secure")
