"""Guard both pages by ASGI middleware: refuse Streamlit's unused routes, limit websockets, set the security headers.

`HostGuard` also refuses other host names (DNS rebinding).

The headers contain the content security policy (CSP) of both pages.

A new websocket beyond `MAX_SESSIONS` takes the place of another: of the longest idle one of the address that has the
most, if that has at least two more than the new one's; else of the longest idle one of all, if it is idle for
`IDLE_SECONDS`; else it is refused. So one client cannot keep others out, unless a proxy hides the addresses.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.hosts import network_of

log = logging.getLogger(__name__)

MAX_SESSIONS = 256
"""Maximum number of open websockets of a process; with server.maxMessageSize it bounds what clients make it buffer."""
MAX_ENDING = 64
"""Maximum number of websockets that were ended for others and whose clients have not confirmed it yet."""
IDLE_SECONDS = 120.0
"""Time without a message of the client after which another one's websocket may take the place of this one."""

_WARNING_SECONDS = 60.0

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


class _Websocket:
    """An open websocket.

    Attributes:
        network: of the client's address.
        active: when the client last sent a message, by the guard's clock.
    """

    def __init__(self, network: str, active: float, send: Send) -> None:
        self.network = network
        self.active = active
        self._send = send
        self._ended = asyncio.Event()

    @property
    def is_ended(self) -> bool:
        return self._ended.is_set()

    def end(self) -> None:
        """Let the app see the client disconnect, and close the websocket."""
        self._ended.set()

    async def receive(self, receive: Receive) -> Message:
        """Return the next message of the client, or its disconnection if the websocket is ended before."""
        waits = [asyncio.ensure_future(receive()), asyncio.ensure_future(self._ended.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not self.is_ended:
                return waits[0].result()  # type: ignore[return-value]  # of the first
        finally:
            for wait in waits:
                wait.cancel()
        return await self.close(1013)

    async def close(self, code: int) -> Message:
        """Close the websocket; return what the app then receives."""
        self._ended.set()
        with contextlib.suppress(OSError):  # the client has left
            await self._send({"type": "websocket.close", "code": code})
        return {"type": "websocket.disconnect", "code": code}

    async def send(self, message: Message) -> None:
        """Send a message of the app, unless the websocket is ended."""
        if not self.is_ended:
            await self._send(message)


class Guard:
    """Refuses uploads and too many websockets; adds security headers to every response that lacks them."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._clock = clock
        self._sessions: dict[_Websocket, None] = {}
        self._next_warning = clock()

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
        session = _Websocket(network_of((scope.get("client") or ("",))[0]), self._clock(), send)
        if not self._make_place(session.network):
            self._warn("websocket refused: %d are open", MAX_SESSIONS)
            await send({"type": "websocket.close", "code": 1013})
            return
        self._sessions[session] = None

        async def receive_bytes() -> Message:
            message = await session.receive(receive)
            self._sessions[session] = self._sessions.pop(session)  # the longest idle one is the first
            session.active = self._clock()
            if message["type"] == "websocket.receive" and message.get("bytes") is None:
                # Streamlit expects protobuf: a text frame would write a traceback of 4 kB to the log.
                return await session.close(1003)
            return message

        try:
            await self._app(scope, receive_bytes, session.send)
        finally:
            del self._sessions[session]

    def _make_place(self, network: str) -> bool:
        """Whether there is a place for a client of this network; where needed, ends another's websocket."""
        held = [session for session in self._sessions if not session.is_ended]
        if len(held) < MAX_SESSIONS:
            return True
        if len(self._sessions) - len(held) >= MAX_ENDING:
            return False
        counts = Counter(session.network for session in held)
        most = max(counts.values())
        if most > counts[network] + 1:
            oldest = next(session for session in held if counts[session.network] == most)
        elif self._clock() - (oldest := held[0]).active < IDLE_SECONDS:
            return False
        self._warn("%d websockets are open: the longest idle one is closed", MAX_SESSIONS)
        oldest.end()
        return True

    def _warn(self, text: str, number: int) -> None:
        """Log a warning at most once a minute, so that no client can fill the disk with log lines."""
        now = self._clock()
        if now >= self._next_warning:
            self._next_warning = now + _WARNING_SECONDS
            log.warning(text, number)


class HostGuard:
    """Refuses requests and websockets whose Host header names another server (`chatbot.hosts`)."""

    def __init__(self, app: ASGIApp, is_host: Callable[[str], bool]) -> None:
        self._app = app
        self._is_host = is_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request to this server."""
        if scope["type"] == "lifespan" or self._is_host(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse("this server does not have this host name\n", 421)(scope, receive, send)


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
