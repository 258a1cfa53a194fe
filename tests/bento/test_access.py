"""Access control of the API: keys and their rotation, scopes, rate limits, CORS, the metrics port."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from bento import api_key
from bento.http import metrics_port, rate_limit
from bento.http.access import address_of
from bento.http.api_keys import ApiKeys, digest_of, make_key
from bento.http.metrics import Metrics
from bento.http.rate_limit import RateLimit
from chatbot.errors import RateLimited, SettingError
from chatbot.settings import ServiceSettings
from tests.bento.paper import Api, paper_api

MESSAGE = b'{"message": "refund"}'


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(file: Path, **scopes: str) -> dict[str, str]:
    """Write a file of keys, one per name; return the keys."""
    made = {name: make_key(name, said.split(",")) for name, said in scopes.items()}
    file.write_text("# name scopes digest\n\n" + "".join(f"{entry}\n" for _, entry in made.values()))
    return {name: key for name, (key, _) in made.items()}


def ask(api: Api, path: str, key: str | None = None, **options: Any) -> httpx.Response:
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    method = "POST" if path in ("/chat", "/feedback") else "GET"
    content = options.pop("content", MESSAGE)
    return api.send(method, path, content=content, headers=headers | options.pop("headers", {}), **options)


def feedback(api: Api, prediction: str, helpful: bool = True, **options: Any) -> int:
    content = json.dumps({"prediction_id": prediction, "helpful": helpful}).encode()
    return ask(api, "/feedback", content=content, **options).status_code


def assert_error(response: httpx.Response, status: int, kind: str) -> None:
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"type", "message", "details"}
    assert error["type"] == kind
    assert response.headers["x-content-type-options"] == "nosniff"


# Keys


@pytest.mark.parametrize("path", ["/chat", "/feedback", "/version", "/intents", "/metrics"])
def test_without_a_key_every_route_that_tells_or_takes_something_answers_401(
    tmp_path: Path, path: str
) -> None:
    make(tmp_path / "keys", page="chat,feedback,read")
    api = paper_api(keys=tmp_path / "keys")
    for key in (None, "nonsense", "\u00e9", "x" * 10_000):
        response = ask(api, path, headers={"authorization": f"Bearer {key}".encode()} if key else {})
        assert_error(response, 401, "unauthorized")
        assert response.headers["www-authenticate"].startswith("Bearer")
    assert api.log.writes == []


@pytest.mark.parametrize(
    "path", ["/chat", "/feedback", "/handoffs/1/contact", "/version", "/intents", "/metrics"]
)
def test_no_other_spelling_of_a_route_opens_it_without_a_key_or_a_limit(tmp_path: Path, path: str) -> None:
    make(tmp_path / "keys", page="chat,feedback,read")
    api = paper_api(keys=tmp_path / "keys")
    for spelling in (f"{path}%0A", f"{path}%0a%0A", f"{path}/", f"{path}%00", path.upper(), f"{path};a"):
        for method in ("GET", "POST", "HEAD", "OPTIONS"):
            response = api.send(
                method, spelling, content=MESSAGE, headers={"content-type": "application/json"}
            )
            assert response.status_code in (401, 404), f"{method} {spelling}: {response.status_code}"


def test_without_a_key_the_description_of_the_api_and_unknown_routes_are_answered(tmp_path: Path) -> None:
    make(tmp_path / "keys", page="chat")
    api = paper_api(keys=tmp_path / "keys")
    assert ask(api, "/docs").status_code == 200
    assert ask(api, "/openapi.json").status_code == 200
    assert_error(ask(api, "/nothing"), 404, "not_found")


def test_a_key_opens_the_routes_of_its_scopes_and_no_others(tmp_path: Path) -> None:
    keys = make(tmp_path / "keys", chats="chat", rates="feedback", reads="read")
    api = paper_api(keys=tmp_path / "keys")
    answered = {
        (name, path): ask(api, path, key).status_code
        for name, key in keys.items()
        for path in ("/chat", "/feedback", "/version", "/intents", "/metrics")
    }
    assert {pair for pair, status in answered.items() if status != 403} == {
        ("chats", "/chat"),
        ("rates", "/feedback"),
        ("reads", "/version"),
        ("reads", "/intents"),
        ("reads", "/metrics"),
    }
    refused = ask(api, "/chat", keys["reads"])
    assert_error(refused, 403, "forbidden")
    assert 'scope="chat"' in refused.headers["www-authenticate"]


def test_no_keys_configured_means_that_none_is_needed() -> None:
    api = paper_api()
    assert ask(api, "/chat").status_code == 200
    assert ask(api, "/chat", "whatever").status_code == 200


def test_keys_are_rotated_without_a_restart_with_both_valid_in_between(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "keys"
    old = make(file, page="chat")["page"]
    lines = file.read_text()
    new, entry = make_key("page-2", ["chat"])
    api = paper_api(keys=file, clock=clock)
    assert [ask(api, "/chat", key).status_code for key in (old, new)] == [200, 401]
    # As Kubernetes updates a mounted Secret: another file takes the name.
    for content, expected in ((lines + f"{entry}\n", [200, 200]), (f"{entry}\n", [401, 200])):
        (tmp_path / "next").write_text(content)
        (tmp_path / "next").replace(file)
        clock.now += 1
        assert [ask(api, "/chat", key).status_code for key in (old, new)] == expected


def test_a_file_that_becomes_invalid_leaves_the_previous_keys_in_force_and_is_logged_once(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    key = make(file, page="chat")["page"]
    api = paper_api(keys=file, clock=clock)
    file.write_text(f"page chat {key}\n")  # the key where its digest belongs
    for _ in range(3):
        clock.now += 1
        assert ask(api, "/chat", key).status_code == 200
    assert caplog.text.count("line 1") == 1
    file.unlink()
    clock.now += 1
    assert ask(api, "/chat", key).status_code == 200
    assert "cannot be read" in caplog.text
    assert key not in caplog.text


def test_a_scrape_reports_an_invalid_file_before_any_request_needs_it(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    key = make(file, page="chat")["page"]
    valid = file.read_text()
    metrics, keys = Metrics(), ApiKeys(file, clock)
    metrics.watch_api_keys(keys.is_file_valid)
    for content, shown in ((valid, 0), (valid + "a bad line of it\n", 1), ("", 1), (valid + "#\n", 0)):
        file.write_text(content)
        clock.now += 1
        assert f"chatbot_api_keys_file_invalid {shown:.1f}\n" in metrics.render().decode(), content
        assert keys.find(key.encode()) is not None
    assert caplog.text.count("stays in force") == 2, "each problem once"


def test_no_key_reaches_a_log_an_answer_or_a_record(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = make(tmp_path / "keys", page="chat,read")["page"]
    api = paper_api(keys=tmp_path / "keys")
    answers = [ask(api, path, key) for path in ("/chat", "/feedback", "/version", "/metrics", "/nothing")]
    answers.append(ask(api, "/chat", key + "x"))
    seen = caplog.text + repr(api.log) + "".join(answer.text for answer in answers)
    assert key not in seen
    assert digest_of(key.encode()) not in seen


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "has no key"),
        ("# nothing\n", "has no key"),
        ("page chat\n", "2 words"),
        ("page chat secret-key\n", "SHA-256"),
        (f"page chat,admin {'0' * 64}\n", "scopes of page"),
        (f"p@ge chat {'0' * 64}\n", "name"),
    ],
)
def test_an_invalid_file_of_keys_is_refused_at_start_by_line_without_its_content(
    tmp_path: Path, content: str, problem: str
) -> None:
    (tmp_path / "keys").write_text(content)
    with pytest.raises(SettingError, match=problem) as error:
        ApiKeys(tmp_path / "keys")
    assert "secret-key" not in str(error.value)
    with pytest.raises(SettingError, match="cannot be read"):
        ApiKeys(tmp_path / "missing")


def test_the_command_prints_the_line_for_the_file_and_the_key_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert api_key.main(["page", "--scopes", "chat,read"]) == 0
    printed = capsys.readouterr()
    key = printed.err.strip()
    assert len(key) >= 43, "256 random bits"
    assert printed.out == f"page chat,read {digest_of(key.encode())}\n"
    (tmp_path / "keys").write_text(printed.out)
    found = ApiKeys(tmp_path / "keys").find(key.encode())
    assert found is not None
    assert found.scopes == {"chat", "read"}
    assert api_key.main(["page", "--scopes", "admin"]) == 1
    assert api_key.main(["two words"]) == 1


def test_the_supervisor_may_read_and_nothing_else(tmp_path: Path) -> None:
    make(tmp_path / "keys", page="chat")
    found = ApiKeys(tmp_path / "keys", supervisor_key="of one start").find(b"of one start")
    assert found is not None
    assert found.scopes == {"read"}
    assert ApiKeys(tmp_path / "keys").find(b"") is None


def test_keys_are_compared_in_constant_time_each_with_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = make(tmp_path / "keys", a="chat", b="chat", c="chat")
    compared: list[str] = []

    def compare(one: str, other: str) -> bool:
        compared.append(one)
        return one == other

    monkeypatch.setattr("bento.http.api_keys.hmac.compare_digest", compare)
    found = ApiKeys(tmp_path / "keys")
    for key in (*keys.values(), "wrong"):
        compared.clear()
        found.find(key.encode())
        assert len(compared) == 3


def test_the_openapi_document_describes_the_key_as_required_only_where_it_is(tmp_path: Path) -> None:
    make(tmp_path / "keys", page="chat")
    for keys, more in ((None, [{}]), (tmp_path / "keys", [])):
        document = ask(paper_api(keys=keys), "/openapi.json").json()
        assert document["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
        assert document["paths"]["/chat"]["post"]["security"] == [{"ApiKey": ["chat"]}, *more]
        assert document["paths"]["/version"]["get"]["security"] == [{"ApiKey": ["read"]}, *more]
        assert {"401", "403", "429"} <= set(document["paths"]["/version"]["get"]["responses"])
        assert "`rate_limited`" in document["paths"]["/chat"]["post"]["responses"]["429"]["description"]


# Rate limits


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate(clock: Clock) -> None:
    refused: list[str] = []
    limit = RateLimit("address", 2.0, 5.0, refused.append, clock)
    for _ in range(10):
        limit.take("a")
    with pytest.raises(RateLimited) as error:
        limit.take("a")
    assert error.value.retry_after == 1
    limit.take("b")
    clock.now += 0.5
    limit.take("a")
    with pytest.raises(RateLimited):
        limit.take("a")
    clock.now += 1_000
    for _ in range(10):
        limit.take("a")
    assert refused == ["address"] * 2


def test_a_refused_client_may_return_after_the_time_it_was_given(clock: Clock) -> None:
    limit = RateLimit("session", 0.1, 1.0, lambda _kind: None, clock)
    limit.take("a")
    with pytest.raises(RateLimited) as error:
        limit.take("a")
    assert error.value.retry_after == 10
    clock.now += 10
    limit.take("a")


@pytest.mark.parametrize("rate", [0.07, 0.1, 3.0])
def test_after_years_of_uptime_a_bucket_still_gives_its_burst(clock: Clock, rate: float) -> None:
    """The floats of a late time are coarse: a first request was further ahead than the bucket is large."""
    refused: list[str] = []
    limit = RateLimit("address", rate, 1.0, refused.append, clock)
    for year in range(1, 31):
        clock.now = year * 31_556_952.3
        for _ in range(max(1, int(rate))):
            limit.take(str(year))
        with pytest.raises(RateLimited):
            limit.take(str(year))
    assert len(refused) == 30


def test_buckets_are_bounded_and_a_refused_client_is_not_the_first_to_be_forgotten(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "MAX_CLIENTS", 3)
    limit = RateLimit("address", 0.001, 1.0, lambda _kind: None, clock)
    for client in ("a", "b", "c"):
        limit.take(client)
    with pytest.raises(RateLimited):
        limit.take("a")
    limit.take("d")
    assert len(limit) == 3
    limit.take("b")
    with pytest.raises(RateLimited):
        limit.take("a")


def test_an_address_over_its_limit_gets_429_with_retry_after_and_others_are_served(clock: Clock) -> None:
    api = paper_api(rate_limit_address=1.0, rate_limit_burst_seconds=2, clock=clock)
    statuses = [ask(api, path, address="192.0.2.1").status_code for path in ("/chat", "/version", "/chat")]
    assert statuses == [200, 200, 429]
    refused = ask(api, "/chat", address="192.0.2.1")
    assert_error(refused, 429, "rate_limited")
    assert refused.headers["retry-after"] == "1"
    assert ask(api, "/chat", address="192.0.2.2").status_code == 200
    assert 'chatbot_rate_limited_total{limit="address"} 2.0' in ask(api, "/metrics", address="192.0.2.1").text
    clock.now += 1
    assert ask(api, "/chat", address="192.0.2.1").status_code == 200


def test_a_key_is_limited_by_itself_wherever_it_comes_from_and_guessing_keys_by_address(
    tmp_path: Path, clock: Clock
) -> None:
    keys = make(tmp_path / "keys", a="chat", b="chat")
    limits: dict[str, Any] = {
        "rate_limit_key": 1.0,
        "rate_limit_address": 1.0,
        "rate_limit_burst_seconds": 2.0,
    }
    api = paper_api(keys=tmp_path / "keys", clock=clock, **limits)
    sent = [ask(api, "/chat", keys["a"], address=f"192.0.2.{n}").status_code for n in range(3)]
    assert sent == [200, 200, 429]
    assert ask(api, "/chat", keys["b"], address="192.0.2.1").status_code == 200
    guesses = [ask(api, "/chat", f"guess {n}", address="192.0.2.9").status_code for n in range(3)]
    assert guesses == [401, 401, 429]
    assert ask(api, "/chat", keys["b"], address="192.0.2.9").status_code == 200


def test_a_session_over_its_limit_gets_429_and_others_and_none_are_served(clock: Clock) -> None:
    api = paper_api(rate_limit_session=1.0, rate_limit_burst_seconds=2, clock=clock)

    def chat(session: object) -> int:
        return ask(
            api, "/chat", content=json.dumps({"message": "hi", "session_id": session}).encode()
        ).status_code

    assert [chat("a") for _ in range(3)] == [200, 200, 429]
    assert chat("b") == 200
    assert [chat(None) for _ in range(4)] == [200] * 4


def test_by_default_only_feedback_is_limited_and_a_crowd_behind_one_address_is_served(clock: Clock) -> None:
    api = paper_api(clock=clock)
    assert {ask(api, "/chat").status_code for _ in range(200)} == {200}
    prediction = ask(api, "/chat").json()["prediction_id"]
    statuses = [feedback(api, prediction) for _ in range(297)]
    assert statuses.count(202) == 5, "a thumb, an explanation, a correction"
    assert statuses.count(429) == 292
    assert len(api.log.feedback) == 5
    clock.now += 10
    assert feedback(api, prediction) == 202


def test_feedback_on_many_predictions_is_limited_by_address(clock: Clock) -> None:
    api = paper_api(clock=clock)
    predictions = [ask(api, "/chat").json()["prediction_id"] for _ in range(120)]
    statuses = [feedback(api, prediction, address="192.0.2.1") for prediction in predictions]
    assert statuses == [202] * 100 + [429] * 20
    assert feedback(api, predictions[-1], address="192.0.2.2") == 202


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not:an address", "not:an address"),
        ("x" * 9_000, "x" * 64),
    ],
)
def test_a_client_is_an_ipv4_address_or_the_network_that_one_customer_has(host: str, client: str) -> None:
    assert address_of({"client": (host, 1)}) == client
    assert address_of({}) == ""


# CORS


def test_no_page_elsewhere_may_call_the_api_by_default(api: Api) -> None:
    response = ask(api, "/chat", headers={"origin": "https://shop.example.com"})
    assert not [name for name in response.headers if name.startswith("access-control")]


def test_a_listed_origin_may_call_the_api_with_a_key_and_read_its_errors(tmp_path: Path) -> None:
    key = make(tmp_path / "keys", shop="chat")["shop"]
    api = paper_api(keys=tmp_path / "keys", cors_origins="https://shop.example.com, http://localhost:8080")
    for origin in ("https://shop.example.com", "http://localhost:8080"):
        preflight = api.send(
            "OPTIONS",
            "/chat",
            headers={
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,content-type",
            },
        )
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in preflight.headers
        for sent, status in ((key, 200), (None, 401)):
            response = ask(api, "/chat", sent, headers={"origin": origin})
            assert response.status_code == status
            assert response.headers["access-control-allow-origin"] == origin
            assert response.headers["vary"] == "Origin"


def test_another_origin_is_refused_in_the_apis_error_format_and_may_read_nothing() -> None:
    api = paper_api(cors_origins="https://shop.example.com")
    for origin in ("https://evil.example.com", "https://shop.example.com.evil.example", "null"):
        headers = {"origin": origin, "access-control-request-method": "POST"}
        preflight = api.send("OPTIONS", "/chat", headers=headers)
        assert_error(preflight, 403, "foreign_origin")
        assert "access-control-allow-origin" not in preflight.headers
        assert "access-control-allow-origin" not in ask(api, "/chat", headers=headers).headers
    assert 'chatbot_requests_total{route="/chat",status="403"} 3.0' in ask(api, "/metrics").text


@pytest.mark.parametrize(
    "origins",
    [
        "*",
        "shop.example.com",
        "https://shop.example.com/page",
        "https://*.com",
        "https://Shop.example.com",
        "HTTPS://shop.example.com",
        "https://shop.example.com:443",
        "http://shop.example.com, http://shop.example.com:80",
        "https://shop.example.com:",
        "https://shop.example.com:65536",
        "https://a:b:c",
        "https://user@shop.example.com",
        "https://sh\u00f6p.example.com",
        "https://a.example;https://b.example",
    ],
)
def test_an_origin_that_could_never_match_or_matches_all_is_refused_at_start(
    origins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATBOT_CORS_ORIGINS", origins)
    with pytest.raises(SettingError, match="CHATBOT_CORS_ORIGINS"):
        ServiceSettings()


@pytest.mark.parametrize(
    "origins",
    ["http://a.example:443,https://b.example:8443", " https://xn--shp-sna.example ", "http://[::1]:8080"],
)
def test_an_origin_as_browsers_send_it_is_accepted(origins: str) -> None:
    assert ServiceSettings(cors_origins=origins).cors_origins == origins


# Metrics on a port of their own


def test_metrics_on_a_port_of_their_own_are_not_on_the_apis() -> None:
    api = paper_api(is_metrics_apart=True)
    assert_error(ask(api, "/metrics"), 404, "not_found")
    assert "/metrics" not in ask(api, "/openapi.json").json()["paths"]

    async def get(path: str, method: str = "GET") -> httpx.Response:
        transport = httpx.ASGITransport(app=metrics_port.metrics_app(api.metrics))
        async with httpx.AsyncClient(transport=transport, base_url="http://metrics") as client:
            return await client.request(method, path)

    response = asyncio.run(get("/metrics"))
    assert 'chatbot_requests_total{route="/metrics",status="404"} 1.0' in response.text
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert_error(asyncio.run(get("/chat")), 404, "not_found")
    refused = asyncio.run(get("/metrics", "POST"))
    assert_error(refused, 405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, HEAD"


def test_many_who_ask_for_the_metrics_at_once_share_the_work_and_see_what_happened_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    metrics, runs = Metrics(), []

    def render() -> bytes:
        runs.append(threading.get_ident())
        time.sleep(0.02)
        return b"%d" % len(runs)

    monkeypatch.setattr(metrics, "render", render)

    async def scenario() -> list[bytes]:
        first = asyncio.ensure_future(metrics.page())
        while not runs:
            await asyncio.sleep(0.001)
        later = await asyncio.gather(*(metrics.page() for _ in range(100)))
        return [await first, *later, await metrics.page()]

    pages = asyncio.run(scenario())
    assert pages == [b"1", *[b"2"] * 100, b"3"]
    assert threading.get_ident() not in runs
    assert asyncio.run(metrics.page()) == b"4"


def test_a_scrape_does_not_wait_for_a_store_that_hangs() -> None:
    """Saving contact data used up the threads that metrics were rendered in."""
    back = threading.Event()

    async def scrape() -> bytes:
        hanging = [asyncio.ensure_future(asyncio.to_thread(back.wait, 30)) for _ in range(40)]
        try:
            async with asyncio.timeout(10):
                return await Metrics().page()
        finally:
            back.set()
            await asyncio.gather(*hanging)

    assert b"chatbot_requests_total" in asyncio.run(scrape())


@pytest.mark.process
def test_two_workers_share_the_metrics_port_and_one_that_leaves_does_not_close_it() -> None:
    async def scenario() -> None:
        one, two = Metrics(), Metrics()
        first = await metrics_port.listen("127.0.0.1", 0, one)
        port = first.sockets[0].getsockname()[1]
        second = await metrics_port.listen("127.0.0.1", port, two)
        first.close()
        await first.wait_closed()
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.get(f"http://127.0.0.1:{port}/metrics")
            assert "chatbot_in_flight" in response.text
        second.close()

    asyncio.run(scenario())


@pytest.mark.process
def test_many_connections_of_one_address_do_not_keep_prometheus_from_the_metrics() -> None:
    async def status(port: int, address: str) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return int(answer.split()[1])

    async def scenario() -> list[int]:
        server = await metrics_port.listen("127.0.0.1", 0, Metrics())
        port = server.sockets[0].getsockname()[1]
        halves = []
        for _ in range(64):
            halves.append(await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0)))
            halves[-1][1].write(b"GET /metrics HTTP/1.1\r\nX-")
        refused = [reader for reader, _ in halves[16:] if (await reader.read()).startswith(b"HTTP/1.1 503")]
        found = [len(refused), await status(port, "127.0.0.3")]
        for _, writer in halves:
            writer.close()
        server.close()
        return found

    assert asyncio.run(scenario()) == [48, 200]


@pytest.mark.process
def test_a_metrics_port_that_another_program_has_is_refused_by_name() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=f"CHATBOT_METRICS_PORT={port}"):
            asyncio.run(metrics_port.listen("127.0.0.1", port, Metrics()))


def test_a_file_of_keys_is_looked_at_once_a_second_at_most(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "keys", page="chat")
    keys = ApiKeys(tmp_path / "keys", clock)
    looks: list[object] = []
    stat = os.stat

    def look(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        looks.append(path)
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", look)
    for _ in range(50):
        keys.find(b"key")
    clock.now += 1
    keys.find(b"key")
    assert len(looks) == 1
