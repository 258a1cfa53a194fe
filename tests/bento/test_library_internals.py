"""What `bento.library_internals` expects of BentoML and uvicorn. A failure here means: an upgrade changed it."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

import pytest
import uvicorn

from bento import library_internals
from bento.http.protocol import LimitedProtocol

BENTO = Path(library_internals.__file__).parent
ADAPT = "changed in the installed version: adapt bento/library_internals.py"


def test_no_other_module_imports_internals_of_bentoml_or_uvicorn() -> None:
    found = [
        f"{file.relative_to(BENTO)}: {line}"
        for file in BENTO.rglob("*.py")
        if file.name not in ("library_internals.py", "workers.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*(from|import) (_bentoml_impl|bentoml\._internal|uvicorn\.)", line)
    ]
    assert found == []


async def app(scope: object, receive: object, send: object) -> None:
    raise NotImplementedError


def test_bentoml_ships_the_script_and_the_style_of_swagger_ui() -> None:
    for name in library_internals.SWAGGER_FILES:
        file = library_internals.swagger_folder() / name
        assert file.is_file(), f"BentoML's folder of Swagger UI {ADAPT}"


def test_uvicorn_handles_sigterm_with_a_method_of_its_server() -> None:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    assert library_internals.uvicorn_server() is None
    # uvicorn raises a captured signal again once its own handler is gone.
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with server.capture_signals():
        assert library_internals.uvicorn_server() is server, f"uvicorn's signal handler {ADAPT}"
        assert not library_internals.is_stopping(server)
        handler = signal.getsignal(signal.SIGTERM)
        assert callable(handler)
        handler(signal.SIGTERM, None)
        assert library_internals.is_stopping(server), f"uvicorn's flag `should_exit` {ADAPT}"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    signal.signal(signal.SIGTERM, before)


def test_uvicorn_lists_its_listeners_and_its_open_connections() -> None:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    asyncio.run(server.startup(sockets=[]))
    assert server.servers == [], f"uvicorn's list of listeners {ADAPT}"
    library_internals.close_listeners(server)
    assert library_internals.open_connections(server) == 0
    protocols = server.server_state.connections
    assert isinstance(protocols, set), f"uvicorn's set of connections {ADAPT}"


def test_uvicorn_takes_its_http_protocol_from_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    from uvicorn.config import HTTP_PROTOCOLS

    monkeypatch.setitem(HTTP_PROTOCOLS, "auto", HTTP_PROTOCOLS["auto"])
    library_internals.use_http_protocol(LimitedProtocol)
    config = uvicorn.Config(app, log_config=None, lifespan="off")
    config.load()
    assert config.http_protocol_class is LimitedProtocol, f"uvicorn's table of HTTP protocols {ADAPT}"


def test_uvicorn_takes_the_clients_address_from_the_proxies_that_are_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "")
    trusted = library_internals.trust_proxies("10.0.0.0/8, ::1")
    assert "10.1.2.3" in trusted, f"uvicorn's trusted hosts {ADAPT}"
    assert "::1" in trusted
    assert "192.0.2.1" not in trusted
    seen: list[object] = []

    async def note(scope: dict[str, object], receive: object, send: object) -> None:
        seen.append(scope["client"])

    config = uvicorn.Config(note, log_config=None, lifespan="off")
    config.load()
    headers = [(b"x-forwarded-for", b"198.51.100.7, 192.0.2.9, 10.0.0.2")]
    # As a server on `::` sees them, too.
    for peer in ("10.1.2.3", "::ffff:10.1.2.3", "192.0.2.1", "::ffff:192.0.2.1"):
        scope = {"type": "http", "client": (peer, 1), "headers": headers, "scheme": "http"}
        asyncio.run(config.loaded_app(scope, None, None))
    assert [client[0] for client in seen] == [
        *("192.0.2.9", "192.0.2.9", "192.0.2.1", "::ffff:192.0.2.1"),
    ], f"uvicorn's proxy headers {ADAPT}"  # type: ignore[index]


def test_a_protocol_that_serves_without_uvicorns_server_counts_its_connections() -> None:
    state = library_internals.server_state()
    assert getattr(state, "connections", None) == set(), f"the state of uvicorn's server {ADAPT}"
