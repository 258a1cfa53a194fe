"""A complete `POST /chat` is answered without the app, and no client can tell."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bento.http.api_keys import make_key
from bento.http.asgi import SECURITY_HEADERS, Receive, Scope, Send
from bento.http.direct import DirectProtocol
from bento.http.protocol import ConnectionLimits
from chatbot.dialog.router import Prediction
from tests.bento import paper
from tests.bento.paper import Api, paper_api
from tests.bento.wire import PaperTransport, answered, connect, exchange, request, statuses

JSON = "Content-Type: application/json"
BODY = b'{"message": "a refund please"}'

Classify = Callable[[Sequence[str]], Awaitable[list[Prediction]]]


def protocol_of(api: Api, *, is_direct: bool = True, **its_limits: Any) -> type[DirectProtocol]:
    class Protocol(DirectProtocol):
        limits = ConnectionLimits(**its_limits)
        route = api.app.direct("/chat") if is_direct else None

    return Protocol


async def no_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what is not answered directly."""
    await send({"type": "http.response.start", "status": 418, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def chat(*lines: str, body: bytes = BODY, path: str = "/chat", method: str = "POST") -> bytes:
    return request(method, path, *(lines or (JSON,)), body=body)


def count(api: Api, status: int) -> float:
    labels = {"route": "/chat", "status": str(status)}
    return api.metrics.registry.get_sample_value("chatbot_requests_total", labels) or 0.0


def in_flight(api: Api) -> float | None:
    return api.metrics.registry.get_sample_value("chatbot_in_flight")


def without_ids(response: bytes) -> bytes:
    return re.sub(rb'"prediction_id":"[0-9a-z]+"', b"", response)


async def broken(_messages: Sequence[str]) -> list[Prediction]:
    raise RuntimeError("broken")


async def slow(_messages: Sequence[str]) -> list[Prediction]:
    await asyncio.sleep(30)
    return []


class Held:
    """A runner that classifies when it is let go."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.seen: list[str] = []

    async def classify(self, messages: Sequence[str]) -> list[Prediction]:
        await self.go_on.wait()
        self.seen += messages
        return await paper.classify(messages)


@pytest.mark.parametrize(
    ("asked", "status", "classify"),
    [
        pytest.param(chat(), 200, paper.classify, id="a message"),
        pytest.param(chat(JSON, "Connection: close"), 200, paper.classify, id="the last of a connection"),
        pytest.param(chat(body=b'{"message": "i will sue you"}'), 200, paper.classify, id="a rule's message"),
        pytest.param(chat(body=b"{"), 422, paper.classify, id="no JSON"),
        pytest.param(chat("Accept: */*"), 415, paper.classify, id="no content type"),
        pytest.param(chat(JSON, "Content-Encoding: gzip"), 415, paper.classify, id="compressed"),
        pytest.param(chat(), 500, broken, id="a bug"),
        pytest.param(chat(), 503, slow, id="no answer in time"),
    ],
)
@pytest.mark.parametrize("is_draining", [False, True])
def test_the_response_is_the_apps(asked: bytes, status: int, classify: Classify, is_draining: bool) -> None:
    async def play(is_direct: bool) -> tuple[bytes, bool]:
        api = paper_api(classify, timeout_seconds=0.05)
        protocol = protocol_of(api, is_direct=is_direct, is_draining=lambda: is_draining)
        connection, transport = connect(no_app if is_direct else api.app, protocol)
        connection.data_received(asked)
        [response] = (await answered(transport)).writes
        assert statuses([response]) == [b"%d" % status]
        assert (count(api, status), in_flight(api)) == (1, 0)
        return without_ids(response), transport.closed

    assert asyncio.run(play(True)) == asyncio.run(play(False))


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(chat(path="/feedback"), id="another route"),
        pytest.param(chat(method="PUT"), id="another method"),
        pytest.param(chat(JSON, "Origin: https://shop.example"), id="CORS"),
        pytest.param(chat(JSON, "Expect: 100-continue"), id="the client waits for Continue"),
        pytest.param(chat(body=b" " * 65_537), id="too long"),
    ],
)
def test_what_needs_more_than_its_route_is_the_apps(asked: bytes) -> None:
    assert statuses(exchange(no_app, asked, protocol=protocol_of(paper_api())).writes) == [b"418"]


def test_a_body_that_comes_later_is_the_apps_with_its_deadline() -> None:
    api = paper_api()
    [response] = exchange(api.app, chat()[:-1], chat()[-1:], protocol=protocol_of(api)).writes
    assert statuses([response]) == [b"200"]
    [refused] = exchange(no_app, chat()[:-1], protocol=protocol_of(api)).writes
    assert statuses([refused]) == [b"418"], "it does not wait for the body"


@pytest.mark.parametrize(
    ("sent", "status"), [("", 401), ("nonsense", 401), ("feedback", 403), ("chat", 200), ("chat", 429)]
)
def test_an_api_key_is_checked_as_by_the_app(tmp_path: Path, sent: str, status: int) -> None:
    made = {scope: make_key(scope, [scope]) for scope in ("chat", "feedback")}
    (tmp_path / "keys").write_text("".join(f"{entry}\n" for _, entry in made.values()))
    key = made[sent][0] if sent in made else sent
    asked = chat(JSON, f"Authorization: Bearer {key}") if sent else chat()

    def play(is_direct: bool) -> tuple[list[bytes], float]:
        limit = 0.1 if status == 429 else 0.0
        api = paper_api(keys=tmp_path / "keys", rate_limit_key=limit, rate_limit_burst_seconds=0.1)
        protocol = protocol_of(api, is_direct=is_direct)
        writes = exchange(no_app if is_direct else api.app, asked, asked, protocol=protocol).writes
        assert statuses(writes)[1] == b"%d" % status
        return [without_ids(write) for write in writes], count(api, status)

    assert play(True) == play(False)


def test_where_messages_are_limited_by_address_which_a_proxy_may_name_the_app_answers() -> None:
    assert paper_api(rate_limit_address=1.0).app.direct("/chat") is None


def test_pipelined_requests_are_answered_in_order() -> None:
    api = paper_api()
    several = [chat(body=b'{"message": "%s it"}' % word) for word in (b"refund", b"cancel", b"track")]
    writes = exchange(api.app, b"".join(several), several[0], protocol=protocol_of(api)).writes
    found = [re.findall(rb'"intent":"(\w+)"', write)[0] for write in writes]
    assert found == [b"get_refund", b"cancel_order", b"track_order", b"get_refund"]


def test_beyond_the_concurrency_limit_a_message_is_refused() -> None:
    async def play() -> None:
        api = paper_api(slow, max_concurrency=1)
        (first, waiting), (second, refused) = (connect(no_app, protocol_of(api)) for _ in range(2))
        first.data_received(chat())
        second.data_received(chat())
        assert statuses(refused.writes) == [b"429"]
        assert b"\r\nretry-after: 1\r\n" in refused.writes[0]
        assert not refused.closed
        assert waiting.writes == []

    asyncio.run(play())


def test_a_client_that_leaves_frees_its_slot_and_takes_its_message_out_of_the_queue() -> None:
    async def play() -> None:
        held = Held()
        api = paper_api(held.classify)
        connections = []
        for number in range(4):  # two calls of the runner at once, the others wait
            connection, transport = connect(no_app, protocol_of(api))
            connection.data_received(chat(body=b'{"message": "refund %d"}' % number))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            connections.append((connection, transport))
        leaving, its_transport = connections[3]
        its_transport.close()
        leaving.connection_lost(None)
        await asyncio.sleep(0)
        assert (count(api, 499), in_flight(api)) == (1, 3)
        held.go_on.set()
        for _, transport in connections[:3]:
            await answered(transport)
        assert sorted(held.seen) == ["refund 0", "refund 1", "refund 2"]
        assert its_transport.writes == []

    asyncio.run(play())


def test_a_client_that_does_not_read_its_responses_is_left_to_the_app_which_waits_for_it() -> None:
    async def play() -> None:
        api = paper_api()
        connection, transport = connect(api.app, protocol_of(api))
        connection.data_received(chat())
        await answered(transport)
        connection.pause_writing()
        connection.data_received(chat())
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(transport.writes) == 1
        connection.resume_writing()
        await answered(transport, 2)

    asyncio.run(play())


def test_a_broken_request_behind_one_in_progress_is_the_last_answer() -> None:
    async def play() -> None:
        held = Held()
        api = paper_api(held.classify)
        connection, transport = connect(no_app, protocol_of(api))
        connection.data_received(chat())
        await asyncio.sleep(0)
        connection.data_received(b"NONSENSE\r\n\r\n")
        held.go_on.set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert statuses(transport.writes) == [b"400"]
        assert transport.closed
        assert (count(api, 499), in_flight(api)) == (1, 0)

    asyncio.run(play())


def test_an_idle_connection_is_closed_and_one_in_use_is_not() -> None:
    async def play() -> None:
        held = Held()
        api = paper_api(held.classify)
        protocol = protocol_of(api, max_connections=16)
        busy, _ = connect(no_app, protocol)
        assert busy in protocol.limits.idle
        busy.data_received(chat())
        assert busy not in protocol.limits.idle
        held.go_on.set()
        await asyncio.sleep(0.02)
        assert busy in protocol.limits.idle

    asyncio.run(play())


def test_a_pipelined_request_in_progress_is_in_use() -> None:
    async def play() -> None:
        held = Held()
        held.go_on.set()

        async def hold_the_second(messages: Sequence[str]) -> list[Prediction]:
            predictions = await held.classify(messages)
            held.go_on.clear()
            return predictions

        api = paper_api(hold_the_second)
        protocol = protocol_of(api)
        busy, transport = connect(api.app, protocol)
        busy.data_received(chat() + chat(body=b'{"message": "cancel it"}'))
        await answered(transport)
        assert busy not in protocol.limits.idle, "at the connection limit it would be aborted"
        held.go_on.set()
        await answered(transport, 2)
        assert busy in protocol.limits.idle

    asyncio.run(play())


def test_a_pipelined_request_whose_body_comes_slowly_is_answered() -> None:
    async def play() -> None:
        api = paper_api()
        slow_one, transport = connect(api.app, protocol_of(api, head_seconds=0.01))
        slow_one.data_received(chat() + chat()[:-2])
        await answered(transport)
        for piece in (chat()[-2:-1], chat()[-1:]):
            slow_one.data_received(piece)
            await asyncio.sleep(0.03)  # longer than a head may take
        assert statuses(transport.writes) == [b"200", b"200"]

    asyncio.run(play())


@pytest.mark.parametrize(
    ("addresses", "refused"),
    [
        (["192.0.2.1", "192.0.2.2", "::ffff:192.0.2.3"], 0),
        (["192.0.2.1", "::ffff:192.0.2.1"], 1),
        (["2001:db8::1", "2001:db8::2", "2001:db8:0:0:1::1"], 2),
        (["2001:db8::1", "2001:db8:0:1::1"], 0),
        (["2001:db8:ffff::1", "2001:db8:ffff::1"], 0),
    ],
)
def test_connections_are_limited_by_what_one_client_owns(addresses: list[str], refused: int) -> None:
    """An IPv6 network of 64 bits, as for the rate limits. A trusted proxy is one by its own address."""

    async def play() -> None:
        trusted = frozenset({"2001:db8:ffff::1"})
        protocol = protocol_of(paper_api(), max_per_address=1, trusted_proxies=trusted)
        opened = [connect(no_app, protocol, PaperTransport(address)) for address in addresses]
        assert [transport.closed for _, transport in opened].count(True) == refused
        for connection, transport in opened:
            transport.close()
            connection.connection_lost(None)
        assert not protocol.limits.by_address

    asyncio.run(play())


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (chat(), b"200"),
        (chat(body=b"{"), b"422"),
        (chat(path="/feedback"), b"422"),
        (chat(path="/elsewhere"), b"404"),
        (chat(JSON, "Origin: https://shop.example"), b"200"),
        (b"NONSENSE\r\n\r\n", b"400"),
    ],
)
@pytest.mark.parametrize("is_direct", [True, False])
def test_every_response_has_the_security_headers_once(asked: bytes, status: bytes, is_direct: bool) -> None:
    api = paper_api(cors_origins="https://shop.example")
    [response] = exchange(api.app, asked, protocol=protocol_of(api, is_direct=is_direct)).writes
    assert statuses([response]) == [status]
    head = response.partition(b"\r\n\r\n")[0]
    for name, value in SECURITY_HEADERS:
        assert head.count(b"\r\n%s: %s" % (name, value)) == 1
