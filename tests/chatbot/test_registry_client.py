"""Client of MLflow's registry over HTTP: login, retries, pages, errors; on a simulated network."""

from __future__ import annotations

import base64
import itertools
import json
import socket
import ssl
import threading
from email.message import Message
from io import BytesIO
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request

import pytest

from chatbot.errors import SettingError
from chatbot.loop import registry
from chatbot.loop.registry import (
    NotRegistered,
    RegistryClient,
    RegistryError,
    RegistryUnavailable,
    is_server,
)
from chatbot.runtime import Runtime
from chatbot.settings import TrackingSettings
from tests.k8s.memory_api import ErrorResponse, Registry

DIGESTS = {number: f"{number:064d}" for number in range(1, 9)}


class Network(Runtime):
    """Answers as the registry, after `failures` error statuses; time advances only by sleeping."""

    def __init__(self, failures: list[int] | None = None) -> None:
        self.registry = Registry(dict(DIGESTS), {"champion": "2"})
        self.failures = failures or []
        self.requests: list[Request] = []
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def fetch(self, request: Request, seconds: float, tls: ssl.SSLContext | None = None) -> bytes:
        self.requests.append(request)
        parts = urlsplit(request.full_url)
        body = request.data if isinstance(request.data, bytes) else b""
        try:
            if self.failures:
                raise ErrorResponse(self.failures.pop(0))
            return self.registry.handle(request.get_method(), "", parts.path, parts.query, body)
        except ErrorResponse as error:
            raise HTTPError(request.full_url, error.status, "", Message(), BytesIO(b"why")) from None


def client(network: Network, retry_seconds: float | None = None, **settings: Any) -> RegistryClient:
    given = TrackingSettings(**{"tracking_uri": "https://mlflow:5000/", **settings})
    return RegistryClient(given, retry_seconds=retry_seconds, runtime=network)


def test_versions_come_from_all_pages_the_newest_first_with_their_aliases() -> None:
    versions = client(Network()).versions()
    assert [version.number for version in versions] == [str(number) for number in range(8, 0, -1)]
    assert [version.number for version in versions if version.aliases] == ["2"]
    assert versions[0].ref.digest == DIGESTS[8]


def test_the_latest_version_of_a_digest_is_found() -> None:
    network = Network()
    network.registry.digests[7] = DIGESTS[3]
    assert client(network).version_of(DIGESTS[3]) == "7"
    assert client(network).version_of("f" * 64) == ""


def test_a_version_that_does_not_exist_is_named_with_where_they_are_listed() -> None:
    with pytest.raises(NotRegistered, match=r"^support-chatbot has no version 99: .*staff page Versions"):
        client(Network()).ref("99")


def basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


@pytest.mark.parametrize(
    ("settings", "header"),
    [
        ({}, None),
        ({"tracking_username": "u", "tracking_password": "p:w", "tracking_token": "t"}, basic("u:p:w")),
        ({"tracking_token": "t"}, "Bearer t"),
        ({"tracking_uri": "https://a:b%40c@mlflow:5000", "tracking_token": "t"}, basic("a:b@c")),
    ],
)
def test_every_request_carries_the_login_that_mlflows_own_client_sends(
    settings: dict[str, str], header: str | None
) -> None:
    network = Network()
    client(network, **settings).versions()
    client(network, **settings).set_alias("champion", "3")
    assert len(network.requests) == 5
    assert {request.get_header("Authorization") for request in network.requests} == {header}
    assert {request.host for request in network.requests} == {"mlflow:5000"}


def test_a_temporary_failure_is_retried_as_often_as_the_setting_says() -> None:
    assert client(Network([503, 429]), http_request_max_retries=2).aliases() == {"champion": "2"}
    with pytest.raises(RegistryUnavailable, match="registered-models/get"):
        client(Network([503, 429, 500]), http_request_max_retries=2).aliases()


def test_a_temporary_failure_is_retried_for_the_given_time_with_growing_waits() -> None:
    network = Network([503] * 1000)
    with pytest.raises(RegistryUnavailable):
        client(network, retry_seconds=60).aliases()
    assert 56 <= network.seconds <= 60
    assert 15 <= len(network.requests) <= 30


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (404, NotRegistered, "why"),
        (401, RegistryError, "MLFLOW_TRACKING_USERNAME"),
        (403, RegistryError, "403 why"),
    ],
)
def test_a_refusal_is_not_retried_and_says_what_to_do(
    status: int, kind: type[RegistryError], said: str
) -> None:
    network = Network([status])
    with pytest.raises(RegistryError, match=said) as error:
        client(network, retry_seconds=60).aliases()
    assert type(error.value) is kind
    assert len(network.requests) == 1


def test_neither_address_nor_errors_show_a_password() -> None:
    with pytest.raises(RegistryError) as error:
        client(Network([403]), tracking_uri="https://a:secret@mlflow:5000").aliases()
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>", b"[1]", b"null", b"3", b"[" * 100_000, b"{}", b'{"registered_model": 3, "model_version": 3}',
        b'{"registered_model": {"aliases": [{"alias": "a"}]}, "model_version": {"version": "x", "tags": [3]}}',
        b'{"registered_model": {}, "model_versions": [{"version": "x"}], "model_version": {"version": 1, '
        b'"creation_timestamp": "1e9"}}',
        b'{"registered_model": {}, "model_versions": [{"version": "x"}], "model_version": {"version": 1, '
        b'"creation_timestamp": 9e99}}',
        b'{"registered_model": {}, "model_versions": [], "next_page_token": "again"}',
    ],
)  # fmt: skip
def test_a_malformed_response_is_reported_as_a_registry_error(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network()
    monkeypatch.setattr(network, "fetch", lambda *_: body)
    for ask in (lambda c: c.versions(), lambda c: c.version("1")):
        with pytest.raises(RegistryError, match="MLflow at https://mlflow:5000/"):
            ask(client(network, retry_seconds=0))


def test_pages_and_folders_without_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network()
    numbers = itertools.count()

    def fetch(request: Request, *_: object) -> bytes:
        if "registered-models" in request.full_url:
            return b'{"registered_model": {}}'
        number = next(numbers)
        assert number < 5_000
        return json.dumps(
            {"next_page_token": f"t{number}", "files": [{"path": "f"}, {"path": "d", "is_dir": True}]}
        ).encode()

    monkeypatch.setattr(network, "fetch", fetch)
    monkeypatch.setattr(registry, "_MAX_FOLDERS", 50)
    with pytest.raises(RegistryError, match="1,000 pages of versions"):
        client(network).versions()
    with pytest.raises(RegistryError, match="more than 50 folders"):
        list(client(network).artifacts())


@pytest.mark.process
def test_a_response_that_is_cut_off_or_endless_is_an_error_of_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chatbot.runtime.MAX_RESPONSE_BYTES", 1_000)
    said: dict[bytes, str] = {
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nshort": "not a complete HTTP response",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000: "more than 1000 bytes",
        b"SSH-2.0-OpenSSH\r\n": "not a complete HTTP response",
    }
    for answer, expected in said.items():
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve(server: socket.socket = server, answer: bytes = answer) -> None:
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

            thread = threading.Thread(target=serve)
            thread.start()
            with pytest.raises(OSError, match=expected):
                Runtime().fetch(Request(f"http://127.0.0.1:{server.getsockname()[1]}/"), 10)
            thread.join()


def test_a_local_database_is_refused_by_name() -> None:
    settings = TrackingSettings(tracking_uri="sqlite:///mlflow.db")
    assert not is_server(settings)
    with pytest.raises(SettingError, match=r"sqlite:///mlflow\.db"):
        RegistryClient(settings)
