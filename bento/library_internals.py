"""Wrap what BentoML and uvicorn have no public API for. Only `bento.lifecycle.workers` relies on their internals, too.

`tests/bento/test_library_internals.py` fails, and says what to adapt here, when an upgrade changes one of them.
Imports neither of them at the top: `python -m bento` starts the preflight check before it imports BentoML.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from chatbot.hosts import with_mapped

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as HttpToolsProtocol

SWAGGER_FILES = ("swagger-ui-bundle.js", "swagger-ui.css")


def __getattr__(name: str) -> object:
    """Import uvicorn's HTTP protocol, the base class of `bento.http.protocol`, when it is first used."""
    if name != "HttpToolsProtocol":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    return HttpToolsProtocol


def swagger_folder() -> Path:
    """Return the folder with BentoML's copy of Swagger UI (`SWAGGER_FILES`)."""
    import bentoml

    return Path(bentoml.__file__).parent / "_internal" / "server" / "static_content"


def use_http_protocol(protocol: type[asyncio.Protocol]) -> None:
    """Make uvicorn serve HTTP with this protocol class; call it before the server loads its configuration."""
    from uvicorn.config import HTTP_PROTOCOLS

    HTTP_PROTOCOLS["auto"] = f"{protocol.__module__}:{protocol.__name__}"


def batching_app(service: Any, method: str, is_main: bool) -> tuple[Any, Callable[[Any], Awaitable[Any]]]:
    """Create a service's ASGI app.

    Args:
        service: a BentoML service.
        method: one of its batchable methods, with one parameter.
        is_main: whether the service has the HTTP port.

    Returns:
        The app, and a function that calls the method through the app's adaptive batching.
    """
    from _bentoml_impl.server.app import ServiceAppFactory

    service.inject_config()
    factory = ServiceAppFactory(service, is_main=is_main)

    async def call(argument: Any) -> Any:
        return await factory.batch_infer(method, (argument,), {})

    return factory(), call


class Addresses(Protocol):
    """A set of addresses: single ones and those of networks."""

    def __contains__(self, address: str, /) -> bool: ...


def trust_proxies(proxies: str) -> Addresses:
    """Make uvicorn take a client's address from `X-Forwarded-For` of these proxies; call it before the server starts.

    Args:
        proxies: addresses and networks, comma-separated.

    Returns:
        The addresses of these proxies.
    """
    from uvicorn.middleware.proxy_headers import _TrustedHosts

    os.environ["FORWARDED_ALLOW_IPS"] = trusted = with_mapped(proxies)
    return _TrustedHosts(trusted)


def uvicorn_server() -> uvicorn.Server | None:
    """Return the uvicorn server of this process, whose method is the SIGTERM handler; None if no server runs."""
    import uvicorn

    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return server if isinstance(server, uvicorn.Server) else None


def server_state() -> object:
    """Return an empty state of connections, for a protocol that serves without uvicorn's server."""
    from uvicorn.server import ServerState

    return ServerState()


def is_stopping(server: uvicorn.Server) -> bool:
    """Whether the server has received a stop signal."""
    return server.should_exit


def close_listeners(server: uvicorn.Server) -> None:
    """Stop accepting connections; open ones stay."""
    for listener in server.servers:
        listener.close()


def open_connections(server: uvicorn.Server) -> int:
    """Return the number of open connections."""
    return len(server.server_state.connections)
