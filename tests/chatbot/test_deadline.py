"""A service that sends one byte at a time cannot keep a call busy beyond its deadline."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.error import HTTPError
from urllib.request import Request

import pytest
from pydantic import SecretStr
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

from chatbot.errors import ChatbotError, StoreError, TooBig, Unreachable
from chatbot.loop.registry import RegistryClient, RegistryUnavailable
from chatbot.runtime import REAL
from chatbot.settings import HandoffSettings, KubernetesSettings, StorageSettings, TrackingSettings
from chatbot.store import Store, open_store
from data import fetch
from k8s.api.client import Cluster
from monitoring.handoffs.delivery import NotDelivered
from monitoring.handoffs.webhook import Webhook
from tests.k8s.harness import prepare_environment
from tests.support.trickle import Trickle
from training.tracking import client
from ui.chat.client import ApiError, ChatClient, FailureKind

pytestmark = pytest.mark.process
SECONDS = 0.5
BODY = b"HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\n" + b"x" * 100
ANSWERS = {
    "head": (0, b"HTTP/1.0 200 OK\r\n" + b"a: b\r\n" * 20),
    "body": (45, BODY),
    "error": (45, BODY.replace(b"200 OK", b"503 no")),
}


@pytest.fixture
def trickle(request: pytest.FixtureRequest) -> Iterator[Trickle]:
    server = Trickle(*ANSWERS[request.param])
    yield server
    server.close()


@pytest.mark.parametrize("trickle", ANSWERS, indirect=True)
def test_a_response_that_trickles_is_given_up_at_the_deadline(trickle: Trickle) -> None:
    with pytest.raises(TimeoutError, match=r"no complete response within 0\.5 s"):
        REAL.fetch(Request(trickle.url), SECONDS)
    assert trickle.sent < 60  # of at least 100, whatever else this machine does


@pytest.mark.parametrize("trickle", ["head"], indirect=True)
def test_a_webhook_receiver_that_trickles_is_given_up_at_the_deadline(trickle: Trickle) -> None:
    settings = HandoffSettings(
        url=trickle.url, secret=SecretStr("whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ="), timeout_seconds=SECONDS
    )
    webhook = Webhook(settings)
    with pytest.raises(NotDelivered, match=r"no complete answer within 0\.5 s"):
        webhook.send("some-id", b"{}")
    webhook.close()
    assert trickle.sent < 60


@pytest.mark.parametrize("trickle", ANSWERS, indirect=True)
def test_a_registry_that_trickles_is_given_up_at_the_deadline(trickle: Trickle) -> None:
    registry = RegistryClient(TrackingSettings(tracking_uri=trickle.url), seconds=SECONDS, retry_seconds=0)
    with pytest.raises(RegistryUnavailable, match=r"no complete response within 0\.5 s"):
        registry.aliases()
    assert trickle.sent < 60


@pytest.mark.parametrize("trickle", ANSWERS, indirect=True)
def test_a_tracking_server_that_trickles_is_given_up_before_mlflow_is_asked(
    trickle: Trickle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_HEALTH_SECONDS", SECONDS)
    with pytest.raises(
        client.TrackingFailed, match=r"cannot be reached \(no complete response within 0\.5 s"
    ):
        client.preflight(TrackingSettings(tracking_uri=trickle.url))
    assert trickle.sent < 60


@pytest.mark.parametrize("trickle", ["head", "body"], indirect=True)
def test_a_download_that_trickles_is_given_up_at_the_deadline(trickle: Trickle, tmp_path: Path) -> None:
    with pytest.raises(fetch.DownloadFailed, match=r"no complete response within 0\.5 s"):
        fetch.fetch_bitext(tmp_path / "bitext.csv", trickle.url, timeout=SECONDS)
    assert not list(tmp_path.iterdir())
    assert trickle.sent < 60


@pytest.mark.parametrize("trickle", ANSWERS, indirect=True)
def test_a_chat_api_that_trickles_is_given_up_at_the_deadline(trickle: Trickle) -> None:
    with pytest.raises(ApiError) as error:
        ChatClient(trickle.url, SECONDS).intents()
    assert error.value.kind is FailureKind.LOST
    assert trickle.sent < 60


@pytest.mark.parametrize("trickle", ANSWERS, indirect=True)
def test_an_api_server_that_trickles_is_given_up_at_the_deadline(
    trickle: Trickle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unreachable, match=r"no complete response within|does not answer"):
        cluster_at(trickle.url, tmp_path, monkeypatch).get("deployments", "api")
    assert trickle.sent < 60


def test_a_watch_that_trickles_ends_when_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n"
    server = Trickle(len(head), head + b"x" * 400)
    try:
        cluster = cluster_at(server.url, tmp_path, monkeypatch)
        assert list(cluster.watch_deployment("api", 1)) == []
        assert server.sent < 100
    finally:
        server.close()


def cluster_at(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    prepare_environment(monkeypatch, folder)
    file = folder / "kubeconfig"
    file.write_text(file.read_text().replace("http://api.test", url.rstrip("/")))
    return Cluster(KubernetesSettings(request_seconds=SECONDS, patience_seconds=0))


@dataclass
class HealthyTrickle:
    """An MLflow server that is healthy and answers everything else byte by byte, or asks for a late retry."""

    is_busy: bool = False
    sent: int = 0
    port: int = 0

    def start(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_health = self.path == "/health"
                self.send_response(200 if is_health or not outer.is_busy else 503)
                self.send_header("Retry-After", "3600")
                self.send_header("Content-Length", "0" if is_health or outer.is_busy else "100")
                self.end_headers()
                with contextlib.suppress(OSError):
                    while not is_health and not outer.is_busy and outer.sent < 100:
                        self.wfile.write(b" ")
                        outer.sent += 1
                        time.sleep(0.1)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.mark.parametrize("is_busy", [False, True], ids=["trickles", "asks for a retry in an hour"])
def test_mlflows_client_gives_a_server_up_at_the_deadline(
    is_busy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_TRANSFER_FACTOR", 0.5)
    for pool in (HTTPConnectionPool, HTTPSConnectionPool):  # what is set on them is undone
        monkeypatch.setattr(pool, "ConnectionCls", type("Connection", (pool.ConnectionCls,), {}))
    for name in (
        "REQUEST_TIMEOUT",
        "REQUEST_MAX_RETRIES",
        "REQUEST_BACKOFF_FACTOR",
        "RESPECT_RETRY_AFTER_HEADER",
    ):
        monkeypatch.setenv(f"MLFLOW_HTTP_{name}", "")
        monkeypatch.delenv(f"MLFLOW_HTTP_{name}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
    server = HealthyTrickle(is_busy=is_busy).start()
    settings = TrackingSettings(
        tracking_uri=f"http://127.0.0.1:{server.port}", http_request_timeout=1, http_request_max_retries=1
    )
    try:
        with pytest.raises(client.TrackingFailed), client.connected(settings) as mlflow:
            mlflow.get_experiment_by_name("x")
        assert server.sent < 60
    finally:
        server.stop()


def test_a_fast_response_and_an_error_with_its_body_are_as_before() -> None:
    server = Trickle(len(BODY), BODY)
    # Without a length, the end of the connection ends the body.
    assert REAL.fetch(Request(server.url), 30.0) == b"x" * 100
    refusal = BODY.replace(b"200 OK", b"404 no")
    server = Trickle(len(refusal), refusal)
    with pytest.raises(HTTPError) as error:
        REAL.fetch(Request(server.url), 30.0)
    assert error.value.code == 404
    assert error.value.read() == b"x" * 100


S3_HEAD = (
    b"HTTP/1.1 200 OK\r\nEtag: e\r\nLast-Modified: Sat, 28 Nov 2026 00:00:00 GMT\r\nContent-Length: 100\r\n"
)
S3_ANSWERS = {
    "head": (20, S3_HEAD + b"a: b\r\n" * 20),
    "body": (len(S3_HEAD) + 2, S3_HEAD + b"\r\n" + b"x" * 100),
}


def store_at(url: str, monkeypatch: pytest.MonkeyPatch, read_seconds: float = 0.4) -> Store:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return open_store(
        StorageSettings(
            url="s3://bucket", endpoint=url, connect_seconds=0.1, read_seconds=read_seconds, attempts=1
        )
    )


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("get", "body"),
        *((each, "head") for each in ("get", "head", "list", "put", "delete")),
    ],
)
def test_a_store_that_trickles_is_given_up_at_the_deadline(
    operation: str, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Trickle(*S3_ANSWERS[answer])
    try:
        store = store_at(server.url, monkeypatch)
        call = {
            "get": lambda: store.get("a"),
            "head": lambda: store.head("a"),
            "list": lambda: list(store.list()),
            "put": lambda: store.put("a", b"content"),
            "delete": lambda: store.delete("a"),
        }[operation]
        with pytest.raises(Unreachable, match=r"has not finished with .* CHATBOT_STORE_READ_SECONDS"):
            call()
        assert server.sent < 60
    finally:
        server.close()


def test_a_file_that_is_larger_than_its_reader_accepts_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = S3_HEAD + b"\r\n"
    server = Trickle(len(head), head + b"x" * 100)
    try:
        with pytest.raises(TooBig, match="answers a with 100 bytes; at most 99 are accepted"):
            store_at(server.url, monkeypatch, read_seconds=60.0).get_file("a", tmp_path / "file", 99)
    finally:
        server.close()
    assert not list(tmp_path.iterdir())


HANDSHAKE = (5, b"\x16\x03\x03\x40\x00" + b"\x02" * 400)
"""The beginning of a TLS record, whose content comes byte by byte."""


@pytest.mark.parametrize(
    "client_of",
    ["runtime", "webhook", "registry", "tracking server", "download", "chat page", "api server", "store"],
)
def test_a_tls_handshake_that_trickles_is_given_up_at_the_deadline(
    client_of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_HEALTH_SECONDS", SECONDS)
    server = Trickle(*HANDSHAKE)
    url = server.url.replace("http", "https")
    secret = SecretStr("whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ=")
    webhook = Webhook(HandoffSettings(url=url, secret=secret, timeout_seconds=SECONDS))
    settings = TrackingSettings(tracking_uri=url)
    calls: dict[str, Callable[[], object]] = {
        "runtime": lambda: REAL.fetch(Request(url), SECONDS),
        "webhook": lambda: webhook.send("some-id", b"{}"),
        "registry": lambda: RegistryClient(settings, seconds=SECONDS, retry_seconds=0).aliases(),
        "tracking server": lambda: client.preflight(settings),
        "download": lambda: fetch.fetch_bitext(tmp_path / "bitext.csv", url, timeout=SECONDS),
        "chat page": lambda: ChatClient(url, SECONDS).intents(),
        "api server": lambda: cluster_at(url, tmp_path, monkeypatch).get("deployments", "api"),
        "store": lambda: store_at(url, monkeypatch).get("a"),
    }
    try:
        with pytest.raises((ChatbotError, NotDelivered, fetch.DownloadFailed, ApiError, OSError)):
            calls[client_of]()
        assert server.sent < 60
    finally:
        webhook.close()
        server.close()


@pytest.mark.parametrize("size", [(5 << 30) + 1, 10**18, 10**400], ids=["5 GB", "10^18", "10^400"])
def test_a_response_that_claims_more_than_an_object_can_have_is_refused_at_once(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = S3_HEAD.replace(b"Length: 100", b"Length: %d" % size) + b"\r\n"
    for get in (lambda store: store.get("a"), lambda store: store.get_file("a", tmp_path / "file")):
        server = Trickle(len(head), head + b"x" * 100)
        try:
            with pytest.raises(StoreError, match="at most 5,368,709,120 are accepted"):
                get(store_at(server.url, monkeypatch, read_seconds=60.0))
        finally:
            server.close()
    assert not list(tmp_path.iterdir())
