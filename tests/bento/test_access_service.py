"""Access control of the real service: two workers with API keys and a metrics port."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from bento.http.api_keys import make_key
from tests.bento.server import Server, free_port

pytestmark = pytest.mark.process

MESSAGE = json.dumps({"message": "I want my money back"})


class Guarded:
    """The service, its file of keys, and a key."""

    def __init__(self, server: Server, file: Path, key: str, metrics_port: int) -> None:
        self.server, self.file, self.key, self.metrics_port = server, file, key, metrics_port

    def ask(
        self, method: str, path: str, key: str = "", port: int = 0, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers and body, over a connection of its own, so that the kernel chooses the worker."""
        connection = HTTPConnection("127.0.0.1", port or self.server.port, timeout=20)
        sent = {"Content-Type": "application/json", **{n.replace("_", "-"): v for n, v in headers.items()}}
        if key:
            sent["Authorization"] = f"Bearer {key}"
        connection.request(method, path, MESSAGE if method == "POST" else None, sent)
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, body


def answers(guarded: Guarded, key: str) -> set[int]:
    """Statuses of ten requests with a key, over as many connections."""
    return {guarded.ask("POST", "/chat", key)[0] for _ in range(10)}


def assert_eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds:g} s"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def guarded(start: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    file = tmp_path_factory.mktemp("keys") / "keys"
    key, entry = make_key("page", ["chat", "feedback", "read"])
    file.write_text(f"{entry}\n")
    port = free_port()
    server = start(
        CHATBOT_WORKERS="2",
        CHATBOT_RUNNER_WORKERS="1",
        CHATBOT_API_KEYS_FILE=str(file),
        CHATBOT_METRICS_PORT=str(port),
        CHATBOT_RATE_LIMIT_ADDRESS="0.1",
        CHATBOT_CORS_ORIGINS="https://shop.example.com",
    )
    yield Guarded(server, file, key, port)
    server.stop()


def test_only_a_key_opens_the_service_and_it_is_in_none_of_its_files(guarded: Guarded) -> None:
    status, headers, body = guarded.ask("POST", "/chat")
    assert (status, json.loads(body)["error"]["type"]) == (401, "unauthorized")
    assert headers["www-authenticate"].startswith("Bearer")
    for _ in range(20):
        status, _, body = guarded.ask("POST", "/chat", guarded.key)
        assert status == 200, body
    for probe in ("/livez", "/readyz"):
        assert guarded.ask("GET", probe)[0] == 200
    files = [file for file in guarded.server.home.rglob("*") if file.is_file()]
    assert not [file for file in files if guarded.key.encode() in file.read_bytes()]


def test_keys_are_rotated_in_every_worker_without_a_restart(guarded: Guarded) -> None:
    before = {process.pid for process in guarded.server.workers("SupportChatbot")}
    new, entry = make_key("page-2", ["chat"])
    old_line = guarded.file.read_text()
    guarded.file.write_text(old_line + f"{entry}\n")
    both = {guarded.key: {200}, new: {200}}
    assert_eventually(lambda: {key: answers(guarded, key) for key in both} == both)
    guarded.file.write_text(old_line)
    # The address's limit holds for keys that are not accepted any more.
    assert_eventually(lambda: answers(guarded, new) <= {401, 429})
    assert guarded.ask("POST", "/chat", guarded.key)[0] == 200
    assert {process.pid for process in guarded.server.workers("SupportChatbot")} == before


def test_an_invalid_file_of_keys_is_a_metric_of_the_service_and_its_keys_stay_in_force(
    guarded: Guarded,
) -> None:
    def shown() -> str:
        text = guarded.ask("GET", "/metrics", port=guarded.metrics_port)[2]
        return text.partition("\nchatbot_api_keys_file_invalid ")[2].partition("\n")[0]

    valid = guarded.file.read_text()
    assert_eventually(lambda: {shown() for _ in range(6)} == {"0.0"})
    guarded.file.write_text(valid + "page-3 chat\n")
    assert_eventually(lambda: {shown() for _ in range(6)} == {"1.0"})
    assert answers(guarded, guarded.key) == {200}
    assert "line 2: 2 words instead of 3" in guarded.server.output
    guarded.file.write_text(valid)
    assert_eventually(lambda: {shown() for _ in range(6)} == {"0.0"})


def test_metrics_are_on_their_own_port_also_after_a_worker_died(guarded: Guarded) -> None:
    assert guarded.ask("GET", "/metrics", guarded.key)[0] == 404
    status, _, text = guarded.ask("GET", "/metrics", port=guarded.metrics_port)
    assert status == 200
    assert 'chatbot_requests_total{route="/chat",status="200"}' in text
    assert 'chatbot_rate_limited_total{limit="address"}' in text
    assert guarded.ask("POST", "/chat", guarded.key, port=guarded.metrics_port)[0] == 404
    guarded.server.workers("SupportChatbot")[0].kill()
    for _ in range(10):
        try:
            assert guarded.ask("GET", "/metrics", port=guarded.metrics_port)[0] == 200
        except ConnectionError:  # it was the killed worker's
            time.sleep(0.1)
    assert guarded.ask("GET", "/metrics", port=guarded.metrics_port)[0] == 200


@pytest.mark.parametrize("path", ["/schema.json", "/docs.json", "/static_content/index.css", "/healthz"])
def test_no_page_of_bentoml_is_served(guarded: Guarded, path: str) -> None:
    status, headers, body = guarded.ask("GET", path, guarded.key)
    assert (status, json.loads(body)["error"]["type"]) == (404, "not_found")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert guarded.ask("GET", "/openapi.json", guarded.key)[0] == 200


def test_the_address_behind_a_trusted_proxy_is_the_one_that_is_limited(guarded: Guarded) -> None:
    def ask(client: str) -> int:
        return guarded.ask("GET", "/version", X_Forwarded_For=f"198.51.100.1, {client}")[0]

    # One token each 10 s in each of the two workers.
    assert [ask("192.0.2.1") for _ in range(12)].count(401) <= 2
    assert ask("192.0.2.2") == 401


def test_a_listed_origin_may_ask_from_a_browser(guarded: Guarded) -> None:
    wanted = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}
    status, headers, _ = guarded.ask("OPTIONS", "/chat", Origin="https://shop.example.com", **wanted)
    assert (status, headers["access-control-allow-origin"]) == (200, "https://shop.example.com")
    assert guarded.ask("OPTIONS", "/chat", Origin="https://evil.example.com", **wanted)[0] == 403
