"""ASGI helpers below FastAPI: read size- and time-limited bodies, send responses, send errors as JSON."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from pydantic_core import to_json

from chatbot.errors import (
    ChatbotError,
    InvalidApiKey,
    MissingScope,
    NotFound,
    Overloaded,
    TooLarge,
    TooSlow,
    Unavailable,
    UnsupportedMedia,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

logger = logging.getLogger("bentoml.chatbot")

SECURITY_HEADERS: Headers = [
    # No caching, no content sniffing, no framing of the documentation page.
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    # The documentation page replaces this by its own, wider policy.
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
JSON: Headers = [(b"content-type", b"application/json"), *SECURITY_HEADERS]

# A client that is still sending when the connection closes loses the response, so the rest of the body is read
# and discarded, up to these limits.
_DRAIN_BYTES = 8 << 20
_DRAIN_SECONDS = 2.0


ROUTES = frozenset(
    {"/chat", "/feedback", "/version", "/intents", "/docs", "/openapi.json", "/metrics", "/livez", "/readyz"}
)
ASSETS = "/docs/assets"
OTHER = "other"
CONTACT = "/handoffs/{prediction_id}/contact"


class ClientLeft(Exception):
    """The client closed the connection before the response was sent."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of a (lower-case) name; None if absent."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def require_json(scope: Scope) -> None:
    """Raise UnsupportedMedia unless the body is declared as uncompressed JSON."""
    declared = header(scope, b"content-type") or b""
    if declared != b"application/json" and declared.partition(b";")[0].strip().lower() != b"application/json":
        raise UnsupportedMedia("send JSON, with the header `Content-Type: application/json`")
    if (header(scope, b"content-encoding") or b"identity").strip().lower() != b"identity":
        raise UnsupportedMedia("send the body uncompressed, without a `Content-Encoding` header")


async def read_body(scope: Scope, receive: Receive, limit: int, seconds: float) -> bytes:
    """Read and return the complete body.

    Args:
        scope: of the request.
        receive: of the request.
        limit: maximum size in bytes; a body declared longer is refused before any of it is read.
        seconds: maximum time until the complete body has arrived.

    Raises:
        TooLarge, TooSlow: the body exceeds one of the limits.
        ClientLeft: the client closed the connection first.
    """
    declared = header(scope, b"content-length")
    if declared is not None and int(declared) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise ClientLeft
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                parts.append(part)
                if not message.get("more_body"):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
    except TimeoutError:
        raise TooSlow(f"the body did not arrive within {seconds:g} s", {"limit_seconds": seconds}) from None


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is longer than {limit} bytes", {"limit_bytes": limit})


async def answer(send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = JSON) -> None:
    """Send a complete response."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def answer_error(error: ChatbotError, receive: Receive, send: Send) -> None:
    """Send an error in the API's common format."""
    headers = [*JSON, *error_headers(error)]
    body = to_json(error.body())
    if not isinstance(error, TooLarge | TooSlow):
        await answer(send, error.status, body, headers)
        return
    # Part of the body has not arrived: send the complete response, let the client finish sending, then close.
    headers += [(b"connection", b"close"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if isinstance(error, TooLarge):
        await _drain(receive)
    await send({"type": "http.response.body", "body": b""})


def reported(error: Exception) -> ChatbotError | None:
    """Return the error to send to the client: one of ours, else an internal one, which is logged; None: it has left."""
    if isinstance(error, ClientLeft):
        return None
    if isinstance(error, ChatbotError):
        return error
    logger.error("a request failed", exc_info=error)
    return ChatbotError("an internal error: it was logged")


def error_headers(error: ChatbotError) -> Headers:
    """Return the headers of an error response: Retry-After (backpressure), Connection, WWW-Authenticate (RFC 6750)."""
    found: Headers = []
    if isinstance(error, Overloaded | Unavailable):
        found.append((b"retry-after", b"%d" % getattr(error, "retry_after", Overloaded.retry_after)))
    if isinstance(error, InvalidApiKey):
        found.append((b"www-authenticate", b'Bearer realm="support-chatbot"'))
    if isinstance(error, MissingScope):
        found.append(
            (b"www-authenticate", b'Bearer error="insufficient_scope", scope="%s"' % error.scope.encode())
        )
    if isinstance(error, Unavailable):
        # On a keep-alive connection the next message would reach this server again; another may have a model.
        found.append((b"connection", b"close"))
    return found


async def _drain(receive: Receive) -> None:
    left = _DRAIN_BYTES
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
    except TimeoutError:
        return


def route_of(path: str) -> str:
    """Return the route of a path as a label of the metrics: bounded cardinality, no id."""
    if path in ROUTES:
        return path
    return CONTACT if path.startswith("/handoffs/") and path.endswith("/contact") else OTHER


def is_served(path: str) -> bool:
    """Whether a path belongs to a route. FastAPI's patterns, which end with `$`, match a line end behind it, too."""
    return route_of(path) != OTHER or path == "/" or path.startswith(f"{ASSETS}/")


def no_such_route() -> NotFound:
    """Return the error of a path that `is_served` does not know."""
    return NotFound("no such route: see /docs")
