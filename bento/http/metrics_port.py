"""Serve `/metrics` on a separate port, which no Ingress exposes, with the limits of the API's HTTP protocol.

Every HTTP worker listens on the port (SO_REUSEPORT): whichever the kernel chooses renders the metrics of all processes,
and a worker that dies leaves the others listening.
"""

from __future__ import annotations

import asyncio
import socket
from functools import partial

import uvicorn
from pydantic_core import to_json

from bento import library_internals
from bento.http.asgi import JSON, SECURITY_HEADERS, App, Receive, Scope, Send, answer
from bento.http.metrics import CONTENT_TYPE, Metrics
from bento.http.protocol import ConnectionLimits, LimitedProtocol
from chatbot.errors import ChatbotError, MethodNotAllowed, NotFound, SettingError

_MAX_CONNECTIONS, _MAX_PER_ADDRESS = 64, 16


class MetricsProtocol(LimitedProtocol):
    """A connection to the metrics port; its limits are separate from those of the API's connections."""

    limits = ConnectionLimits(max_connections=_MAX_CONNECTIONS, max_per_address=_MAX_PER_ADDRESS)


def metrics_app(metrics: Metrics) -> App:
    """Create the ASGI app of the port: `GET /metrics`, and nothing else."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        error: ChatbotError | None = None
        headers = JSON
        if scope["path"] != "/metrics":
            error = NotFound("no such route: this port serves only /metrics")
        elif scope["method"] not in ("GET", "HEAD"):
            error = MethodNotAllowed("this route does not have this method")
            headers = [*JSON, (b"allow", b"GET, HEAD")]
        if error is not None:
            await answer(send, error.status, to_json(error.body()), headers)
            return
        headers = [(b"content-type", CONTENT_TYPE.encode()), *SECURITY_HEADERS]
        await answer(send, 200, await metrics.page(), headers)

    return app


async def listen(host: str, port: int, metrics: Metrics) -> asyncio.Server:
    """Listen on the port, on the running event loop.

    Raises:
        SettingError: the port cannot be opened.
    """
    try:
        listener = _open(host, port)
    except OSError as error:
        raise SettingError(f"CHATBOT_METRICS_PORT={port} cannot be opened on {host}: {error}") from error
    config = uvicorn.Config(metrics_app(metrics), http=MetricsProtocol, lifespan="off", log_config=None)
    config.load()
    connection = partial(
        MetricsProtocol, config=config, server_state=library_internals.server_state(), app_state={}
    )
    return await asyncio.get_running_loop().create_server(connection, sock=listener)


def _open(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # `::` takes IPv4 too, as the API's own listener does.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
