"""The HTTP API in this process: contracts, errors, limits; the model is made of paper."""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bento.http.fast_path import FastPath
from bento.http.metrics import Metrics
from chatbot.dialog.router import Prediction
from chatbot.errors import Unavailable
from chatbot.ids import new_id, token_of
from chatbot.store import Unreachable
from tests.bento.paper import KEY, Api, classify, paper_api
from tests.bento.wire import answered, connect, request

ALERTS = Path(__file__).resolve().parents[2] / "helm" / "support-chatbot" / "files" / "alerts"

REPLY = {
    "intent",
    "response",
    "confidence",
    "source",
    "alternatives",
    "handoff",
    "summary",
    "prediction_id",
    "model_version",
    "contact_token",
}


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def error_of(response: Any, status: int) -> dict[str, Any]:
    """The error of a response, which must have the one shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    content = response.json()
    assert set(content) == {"error"}
    assert set(content["error"]) == {"type", "message", "details"}
    return dict(content["error"])


def test_a_message_is_answered_with_everything_the_contract_names(api: Api) -> None:
    response = api.post("/chat", body(message="I want my money back"))
    assert response.status_code == 200
    reply = response.json()
    assert set(reply) == REPLY
    assert reply["intent"] == "get_refund"
    assert reply["response"] == "About get_refund: ask ACME."
    assert reply["confidence"] == pytest.approx(0.95)
    assert reply["source"] == "model"
    assert reply["alternatives"][0] == {"intent": "get_refund", "confidence": 0.95, "title": "Get refund"}


@pytest.mark.parametrize(
    ("message", "source", "handoff"),
    [
        ("I will sue you", "rule", True),
        ("maybe a refund", "clarify", False),
        ("a zebra walks by", "human", True),
        ("\U0001f600 \U0001f44d", "clarify", False),
    ],
)
def test_a_rule_an_unsure_model_and_a_stranger_each_get_their_kind_of_reply(
    api: Api, message: str, source: str, handoff: bool
) -> None:
    reply = api.post("/chat", body(message=message)).json()
    assert (reply["source"], reply["handoff"]) == (source, handoff)
    assert bool(reply["summary"]) is handoff


NOTHING_TO_CLASSIFY = [
    b"",
    b"not json",
    b"{",
    b"[]",
    b"null",
    b"1e999",
    b'"I want a refund"',
    b"{}",
    b'{"message": null}',
    b'{"message": 3}',
    b'{"message": ["a"]}',
    b'{"message": {"message": "a"}}',
    b'{"message": ""}',
    b'{"message": " \\t\\n "}',
    b'{"message": "\\u0000\\u0000"}',
    b'{"message": "\xff\xfe"}',
    b'{"message": NaN}',
    b'{"message": "a refund", "amount": ' + b"9" * 5_000 + b"}",
    b"\xef\xbb\xbf",
    b"[" * 60_000,
    b'{"message": ' + b'{"a":' * 9_000,
    b'{"message": "a", "\\u0061": ' + b"[" * 50_000 + b"}",
    body(message="x" * 4_001),
    body(message="hi", session_id="x" * 257),
    body(message="hi", session_id=7.5),
    body(message="hi", session_id=True),
    body(message="hi", session_id=["x"]),
    b'{"message": "hi", "session_id": ' + b"9" * 5_000 + b"}",
]


@pytest.mark.parametrize("content", NOTHING_TO_CLASSIFY, ids=[repr(c[:30]) for c in NOTHING_TO_CLASSIFY])
def test_a_body_that_cannot_be_read_or_says_nothing_is_answered_422_with_the_reason(
    api: Api, content: bytes
) -> None:
    problem = error_of(api.post("/chat", content), 422)
    assert problem["type"] == "invalid"
    assert len(problem["message"]) < 300
    assert api.log.writes == []


@pytest.mark.parametrize(
    "content",
    [
        b'{"message": "a refund \\ud83d please"}',
        b'{"message": "\\udc00\\ud800 refund"}',
        b'{"message": "refund\\u0000 now"}',
        b'{"message": "first", "message": "second"}',
        b'{"message": "a refund", "amount": ' + b"9" * 400 + b"}",
        b'{"message": "a refund", "amount": 1e400, "\\ud800": 1}',
        b'{"message": "a refund", "session_id": null, "other": {"deep": [1, 2, {"deeper": true}]}}',
        '{"message": "\u202ea refund\u202c \U0001f600 für Ümläute"}'.encode(),
        '{"message": "退款"}'.encode(),
        body(message="x " * 2_000),
        body(message="hi", session_id="A-z_0.9:" * 32),
        body(message="hi", session_id="J\u00f6rg <me@example.com>"),
        body(message="hi", session_id=""),
        b"\xef\xbb\xbf" + body(message="hi"),
        body(message="hi", session_id=-7),
        b'{"message": "hi", "session_id": "\\ud83d"}',
        b'{"message": "hi", "session_id": ' + b"9" * 4_300 + b"}",
    ],
    ids=lambda content: repr(content[:30]),
)
def test_an_odd_body_with_a_message_in_it_is_answered(api: Api, content: bytes) -> None:
    response = api.post("/chat", content)
    assert response.status_code == 200, response.text
    response.content.decode("utf-8")
    assert set(response.json()) == REPLY


def test_an_error_names_the_field_and_never_repeats_what_was_in_it(api: Api) -> None:
    problem = error_of(api.post("/chat", body(message="hi", session_id=["jane.doe@example.com"])), 422)
    assert {one["field"] for one in problem["details"]} == {"session_id"}
    assert "jane" not in json.dumps(problem)


def test_a_body_over_the_limit_is_refused_before_it_is_read(api: Api) -> None:
    read: list[int] = []

    async def stream() -> Any:
        for _ in range(16):
            read.append(1)
            yield b"x" * 65_536

    declared = {"content-type": "application/json", "content-length": str(1 << 20)}
    problem = error_of(api.send("POST", "/chat", content=b"x" * (1 << 20), headers=declared), 413)
    assert problem["details"] == {"limit_bytes": 65_536}
    # Without a length it is refused as soon as it is too long.
    error_of(api.send("POST", "/chat", content=stream(), headers={"content-type": "application/json"}), 413)


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                     "application/vnd.bentoml+pickle", "application/jsonx"]
)  # fmt: skip
def test_what_is_not_declared_as_json_is_answered_415(api: Api, content_type: str) -> None:
    for path in ("/chat", "/feedback"):
        assert (
            error_of(api.post(path, body(message="hi"), content_type), 415)["type"]
            == "unsupported_media_type"
        )


def test_json_may_be_declared_with_a_charset_in_any_case_and_not_compressed(api: Api) -> None:
    assert api.post("/chat", body(message="hi"), "Application/JSON; charset=utf-8").status_code == 200
    for encoding, status in (("gzip", 415), ("GZip", 415), ("Identity", 200)):
        headers = {"content-type": "application/json", "content-encoding": encoding}
        assert api.send("POST", "/chat", content=body(message="hi"), headers=headers).status_code == status


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_a_wrong_method_is_answered_405_and_the_right_one_is_named(api: Api, method: str) -> None:
    response = api.send(method, "/chat")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    if method != "HEAD":
        assert error_of(response, 405)["type"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/version", "/intents", "/docs", "/openapi.json", "/metrics"])
def test_head_is_answered_as_get_without_the_body(api: Api, path: str) -> None:
    async def ask(method: str) -> bytes:
        connection, transport = connect(api.app)
        connection.data_received(request(method, path))
        return (await answered(transport)).writes[0]

    headers: list[list[bytes]] = []
    for method in ("GET", "HEAD"):
        response = asyncio.run(ask(method))
        head, _, content = response.partition(b"\r\n\r\n")
        assert bool(content) is (method == "GET")
        lines = head.split(b"\r\n")
        headers.append([line for line in lines if path != "/metrics" or b"content-length" not in line])
    assert headers[0][0] == b"HTTP/1.1 200 OK"
    assert headers[0] == headers[1]
    assert api.send("PUT", path).headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path", ["/nothing", "/chat/", "/chat/x", "/classify", "/Chat", "/%ff%fe", "/..//chat"]
)
def test_an_unknown_route_is_answered_404_in_the_same_shape(api: Api, path: str) -> None:
    assert error_of(api.post(path, body(message="hi")), 404)["type"] == "not_found"


@pytest.fixture(scope="module")
def unlimited() -> Api:
    """An API without rate limits."""
    return paper_api(rate_limit_feedback=0)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["message", "session_id", "helpful", "prediction_id"]), inner
                )
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
        st.text(min_size=1, max_size=60, alphabet=st.characters(exclude_categories=[])).map(
            lambda text: json.dumps({"message": text}).encode()
        ),
    ),
    path=st.sampled_from(["/chat", "/feedback"]),
)
def test_no_body_whatsoever_is_answered_with_a_server_error(
    unlimited: Api, content: bytes, path: str
) -> None:
    response = unlimited.post(path, content)
    assert response.status_code in (200, 404, 422)
    json.loads(response.content.decode("utf-8"))


def test_work_beyond_the_limit_is_answered_429_with_retry_after_and_the_rest_is_served() -> None:
    all_came = asyncio.Event()

    async def slow(messages: Sequence[str]) -> list[Prediction]:
        await all_came.wait()
        return await classify(messages)

    api = paper_api(slow, max_concurrency=5, timeout_seconds=30)

    async def ask_at_once() -> list[Any]:
        async with api.client() as client:
            asked = [
                asyncio.create_task(client.post("/chat", json={"message": f"refund {n}"})) for n in range(20)
            ]
            for refused in islice(asyncio.as_completed(asked, timeout=20), 15):
                await refused
            all_came.set()
            return await asyncio.gather(*asked)

    responses = asyncio.run(ask_at_once())
    assert sorted(response.status_code for response in responses) == [200] * 5 + [429] * 15
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    assert error_of(refused, 429)["type"] == "overloaded"
    assert api.post("/chat", body(message="refund")).status_code == 200


def test_a_lost_runner_is_answered_503_and_is_not_ready_until_it_is_back() -> None:
    away = True

    async def runner(messages: Sequence[str]) -> list[Prediction]:
        if away:
            raise Unavailable("the model is not running")
        return await classify(messages)

    api = paper_api(runner)
    assert asyncio.run(api.chat.is_ready()) is False
    response = api.post("/chat", body(message="refund"))
    assert error_of(response, 503)["type"] == "unavailable"
    assert response.headers["retry-after"] == "1"
    assert response.headers["connection"] == "close", "the next message may find a server that has its runner"
    assert api.post("/chat", body(message="I will sue you")).status_code == 200
    away = False
    assert asyncio.run(api.chat.is_ready()) is True


def test_readiness_turns_false_when_the_runner_is_lost_however_good_it_was_before() -> None:
    calls = 0

    async def runner(messages: Sequence[str]) -> list[Prediction]:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise Unavailable("the model is not running")
        return await classify(messages)

    api = paper_api(runner)
    assert asyncio.run(api.chat.is_ready()) is True
    assert asyncio.run(api.chat.is_ready()) is True
    assert calls == 1, "one message a second is enough"
    assert api.post("/chat", body(message="refund")).status_code == 200
    error_of(api.post("/chat", body(message="refund")), 503)
    assert asyncio.run(api.chat.is_ready()) is False


def test_concurrent_probes_share_one_message_to_the_runner() -> None:
    calls = 0

    async def slow(messages: Sequence[str]) -> list[Prediction]:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        return await classify(messages)

    async def probe() -> list[bool]:
        leaving = asyncio.create_task(api.chat.is_ready())
        await asyncio.sleep(0)
        leaving.cancel()  # the client of the first probe leaves
        return await asyncio.gather(*(api.chat.is_ready() for _ in range(50)))

    api = paper_api(slow)
    assert asyncio.run(probe()) == [True] * 50
    assert calls == 1
    assert asyncio.run(api.chat.is_ready(fresh_seconds=0)) is True
    assert calls == 2, "a later probe sends its own"


def test_concurrent_probes_of_a_runner_that_never_answers_send_one_message_and_are_not_ready() -> None:
    calls = 0

    async def hung(messages: Sequence[str]) -> list[Prediction]:
        nonlocal calls
        calls += 1
        await asyncio.Event().wait()
        return []

    async def probe() -> list[bool]:
        probes = [asyncio.create_task(api.chat.is_ready()) for _ in range(50)]
        for _ in range(5):
            await asyncio.sleep(0)
        asyncio.get_running_loop().time = lambda: time.monotonic() + 60  # type: ignore[method-assign]
        return await asyncio.gather(*probes)

    api = paper_api(hung)
    assert asyncio.run(probe()) == [False] * 50
    assert calls == 1


def test_a_runner_that_never_answers_costs_the_caller_the_time_limit_and_no_more() -> None:
    async def hung(messages: Sequence[str]) -> list[Prediction]:
        await asyncio.sleep(60)
        return []

    api = paper_api(hung, timeout_seconds=0.2)
    assert "within 0.2 s" in error_of(api.post("/chat", body(message="refund")), 503)["message"]


def test_a_body_that_trickles_in_is_answered_408_and_keeps_no_place_of_the_limiter() -> None:
    api = paper_api(max_concurrency=1, body_seconds=0.3)

    async def trickle() -> Any:
        yield b'{"message"'
        await asyncio.sleep(60)

    async def both() -> tuple[Any, Any]:
        async with api.client() as client:
            slow = asyncio.create_task(
                client.post("/chat", content=trickle(), headers={"content-type": "application/json"})
            )
            await asyncio.sleep(0.05)
            quick = await client.post("/chat", json={"message": "refund"})
            return quick, await slow

    quick, slow = asyncio.run(both())
    assert quick.status_code == 200
    assert error_of(slow, 408)["type"] == "too_slow"


def test_feedback_is_taken_for_a_prediction_of_ours(api: Api) -> None:
    prediction_id = api.post("/chat", body(message="refund")).json()["prediction_id"]
    response = api.post("/feedback", body(prediction_id=prediction_id, helpful=False, intent="track_order"))
    assert response.status_code == 202
    assert response.json() == {"prediction_id": prediction_id}
    assert len(api.log.feedback) == 1


def test_a_thumb_and_what_explains_it_are_logged_both_and_counted_once(api: Api) -> None:
    for message in ("refund", "where is my order"):
        prediction_id = api.post("/chat", body(message=message)).json()["prediction_id"]
        for more in ({}, {"comment": "no, my other order"}, {"intent": "track_order"}):
            api.post("/feedback", body(prediction_id=prediction_id, helpful=False, **more))
    assert len(api.log.feedback) == 6
    assert 'chatbot_feedback_total{helpful="no"} 2.0' in api.send("GET", "/metrics").text


def test_feedback_for_a_made_up_prediction_is_answered_404(api: Api) -> None:
    prediction_id = api.post("/chat", body(message="refund")).json()["prediction_id"]
    forged = prediction_id[:-1] + ("0" if prediction_id[-1] != "0" else "1")
    for made_up in ("", "x", "\ud800", "0" * 64, forged):
        error_of(api.post("/feedback", body(prediction_id=made_up, helpful=True)), 404)
    assert api.log.feedback == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"intent": "nonsense"},
        {"helpful": "perhaps"},
        {"helpful": None},
        {"helpful": "yes"},
        {"helpful": 1},
        {"comment": "x" * 2_001},
        {"comment": 3},
    ],
    ids=str,
)
def test_feedback_that_names_no_intent_or_is_too_long_is_answered_422(
    api: Api, wrong: dict[str, Any]
) -> None:
    prediction_id = api.post("/chat", body(message="refund")).json()["prediction_id"]
    error_of(api.post("/feedback", body(**({"prediction_id": prediction_id, "helpful": True} | wrong))), 422)
    assert api.log.feedback == []


def test_out_of_scope_is_an_intent_that_feedback_may_name(api: Api) -> None:
    prediction_id = api.post("/chat", body(message="refund")).json()["prediction_id"]
    wish = body(
        prediction_id=prediction_id, helpful=False, intent="out_of_scope", comment="mail me: a@example.com"
    )
    assert api.post("/feedback", wish).status_code == 202
    assert "a@example.com" not in repr(api.log.feedback)


def test_messages_of_one_batch_are_logged_in_one_write_before_any_is_answered() -> None:
    api = paper_api()

    async def ask_at_once() -> list[Any]:
        async with api.client() as client:
            return await asyncio.gather(
                *(client.post("/chat", json={"message": f"refund {n}"}) for n in range(16))
            )

    responses = asyncio.run(ask_at_once())
    logged = [record.prediction_id for write in api.log.writes for record in write]
    assert sorted(logged) == sorted(response.json()["prediction_id"] for response in responses)
    assert len(api.log.writes) < 16


def test_every_answer_carries_headers_that_keep_browsers_from_guessing_and_caching(api: Api) -> None:
    answers = [api.post("/chat", body(message="hi")), api.post("/chat", b"x"), api.send("GET", "/version")]
    for response in [*answers, api.send("GET", "/nothing"), api.send("GET", "/docs")]:
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in response.headers
    for path in ("/docs", "/", "/version", "/nothing", "/openapi.json", "/docs/assets/swagger-ui.css"):
        response = api.send("GET", path)
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"], path
        assert response.headers["x-frame-options"] == "DENY", path
        assert response.headers["x-content-type-options"] == "nosniff", path


def test_the_docs_page_needs_nothing_from_elsewhere(api: Api) -> None:
    page = api.send("GET", "/docs").text
    assert "https://" not in page
    for asset in ("/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css"):
        assert asset in page
        assert api.send("GET", asset).status_code == 200
    assert api.send("GET", "/").headers["location"] == "docs"


def test_the_openapi_page_shows_each_error_as_it_is_really_answered(api: Api) -> None:
    specification = api.send("GET", "/openapi.json").json()
    assert set(specification["paths"]) == {
        *("/chat", "/feedback", "/version", "/intents", "/metrics"),
        "/handoffs/{prediction_id}/contact",
    }
    for path, codes in (
        ("/chat", {"200", "401", "403", "405", "408", "413", "415", "422", "429", "503"}),
        ("/feedback", {"202", "401", "403", "404", "405", "408", "413", "415", "422", "429"}),
        (
            "/handoffs/{prediction_id}/contact",
            {"200", "401", "403", "404", "405", "408", "413", "415", "422", "429", "503"},
        ),
    ):
        post = specification["paths"][path]["post"]
        assert set(post["responses"]) == codes
        assert "message" in str(post["requestBody"]) or {"helpful", "contact"} & set(
            str(post["requestBody"]).split("'")
        )
        for code in codes - {"200", "202"}:
            example = post["responses"][code]["content"]["application/json"]["example"]
            assert {"type", "message"} <= set(example["error"])  # FastAPI leaves out `"details": null`
    examples = specification["paths"]["/chat"]["post"]["responses"]
    really = error_of(api.post("/chat", body(message="")), 422)
    assert examples["422"]["content"]["application/json"]["example"]["error"] == really


def test_the_fastapi_app_answers_a_message_by_the_same_route(api: Api) -> None:
    with_fast_path = api.post("/chat", body(message="refund")).json()
    alone = TestClient(api.behind).post("/chat", json={"message": "refund"})
    assert alone.status_code == 200
    assert alone.json() | {"prediction_id": ""} == with_fast_path | {"prediction_id": ""}
    assert TestClient(api.behind).post("/feedback", json={}).status_code == 422


STRANGERS = ["", "x", "0" * 26, "é" * 26]


class Contacts(dict[str, bytes]):
    """What is stored, by prediction id."""

    def __call__(self, prediction_id: str, content: bytes) -> None:
        self[prediction_id] = content


def leave(api: Api, prediction_id: str, **fields: Any) -> Any:
    return api.post(f"/handoffs/{prediction_id}/contact", body(**fields))


def test_contact_data_is_stored_with_its_handoff_and_nowhere_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stored = Contacts()
    api = paper_api(save_contact=stored)
    reply = api.post("/chat", body(message="I will sue you")).json()
    token, prediction_id = reply["contact_token"], reply["prediction_id"]
    for contact, kind in (
        ("first try 030 123456", "text"), ("Jane@Example.com", "email"), ("+49 (0)30 123-4567", "phone"),
        ("call\nme  at 9, 030 123456", "text"),
    ):  # fmt: skip
        response = leave(api, prediction_id, contact=contact, contact_token=token)
        assert response.json() == {"prediction_id": prediction_id, "kind": kind}
    assert json.loads(stored.pop(prediction_id))["contact"] == "call me at 9, 030 123456"
    assert not stored
    seen = f"{api.log.writes}{api.log.feedback}{api.send('GET', '/metrics').text}{caplog.text}"
    assert not [word for word in ("first try", "Jane", "123-4567", "call me", token) if word in seen]
    assert 'route="/handoffs/{prediction_id}/contact",status="200"} 4.0' in seen


@pytest.mark.parametrize(
    "contact",
    [
        "",
        " ",
        "...",
        "x" * 201,
        "jane@",
        "@shop.org",
        "a@b",
        "12345",
        "1" * 20,
        "yes please",
        None,
        3,
        "x" * 5000,
    ],
)
def test_what_is_not_contact_data_is_refused_and_not_repeated(contact: Any) -> None:
    stored = Contacts()
    api = paper_api(save_contact=stored)
    reply = api.post("/chat", body(message="I will sue you")).json()
    response = leave(api, reply["prediction_id"], contact=contact, contact_token=reply["contact_token"])
    told = error_of(response, 413 if len(str(contact)) > 4_000 else 422)
    assert not stored
    assert not contact or str(contact).strip(" .") == "" or str(contact) not in str(told)


def test_a_stranger_leaves_no_contact_data() -> None:
    stored = Contacts()
    api = paper_api(save_contact=stored)
    reply = api.post("/chat", body(message="I will sue you")).json()
    other = api.post("/chat", body(message="I will sue you")).json()
    answered = api.post("/chat", body(message="refund")).json()
    assert answered["contact_token"] == ""
    for token in (*STRANGERS, other["contact_token"], reply["prediction_id"]):
        error_of(leave(api, reply["prediction_id"], contact="eve", contact_token=token), 404)
    for wrong in ("x", "0" * 34, "%C3%A9", "..", "{prediction_id}"):
        error_of(leave(api, wrong, contact="eve", contact_token=reply["contact_token"]), 404)
    old = new_id(KEY, time.time() - 25 * 3600)
    error_of(leave(api, old, contact="eve", contact_token=token_of(KEY, old)), 404)
    assert not stored


def test_contact_data_is_limited_per_handoff_apart_from_feedback_and_per_address() -> None:
    stored, now = Contacts(), [0.0]
    api = paper_api(save_contact=stored, clock=lambda: now[0], rate_limit_feedback=0)
    first, second = (api.post("/chat", body(message="I will sue you")).json() for _ in range(2))

    def left(reply: Any, number: int, token: str = "") -> int:
        token = token or reply["contact_token"]
        return int(
            leave(
                api, reply["prediction_id"], contact=f"try{number}@example.com", contact_token=token
            ).status_code
        )

    for _ in range(20):
        api.post("/feedback", body(prediction_id=first["prediction_id"], helpful=True))
        assert left(first, 0, "x") == 404
    assert [left(first, number) for number in range(7)] == [200] * 5 + [429] * 2, "as much as feedback"
    assert json.loads(stored[first["prediction_id"]])["contact"] == "try4@example.com"
    assert left(second, 1) == 200
    now[0] += 2
    assert (left(first, 8), left(first, 9)) == (200, 429)
    flooded = paper_api(save_contact=Contacts(), clock=lambda: now[0], rate_limit_feedback=1)
    reply = flooded.post("/chat", body(message="I will sue you")).json()
    statuses = [
        leave(flooded, reply["prediction_id"], contact="eve", contact_token="x").status_code
        for _ in range(12)
    ]
    assert statuses == [404] * 10 + [429] * 2, "guessing tokens is limited by address"


def test_without_a_store_or_while_it_is_unavailable_contact_data_is_not_taken() -> None:
    nowhere = paper_api()
    assert nowhere.post("/chat", body(message="I will sue you")).json()["contact_token"] == ""

    def fail(prediction_id: str, content: bytes) -> None:
        raise Unreachable("the store does not respond")

    api = paper_api(save_contact=fail)
    reply = api.post("/chat", body(message="I will sue you")).json()
    response = leave(
        api, reply["prediction_id"], contact="Jane 030 123456", contact_token=reply["contact_token"]
    )
    assert "Jane" not in str(error_of(response, 503))


def test_contact_data_that_waits_for_a_hanging_store_takes_no_slot_of_a_message() -> None:
    waiting, go_on = [], threading.Event()

    def hang(prediction_id: str, _content: bytes) -> None:
        waiting.append(prediction_id)
        go_on.wait(60)

    api = paper_api(save_contact=hang, max_concurrency=4, timeout_seconds=60, rate_limit_feedback=0)
    replies = [api.post("/chat", body(message="I will sue you")).json() for _ in range(12)]

    async def ask() -> tuple[int, list[int]]:
        async with api.client() as client:
            left = [
                asyncio.create_task(
                    client.post(
                        f"/handoffs/{reply['prediction_id']}/contact",
                        json={"contact": "jane@example.com", "contact_token": reply["contact_token"]},
                    )
                )
                for reply in replies
            ]
            while len(waiting) < 4:
                await asyncio.sleep(0.001)
            asked = (await client.post("/chat", json={"message": "refund"})).status_code
            go_on.set()
            return asked, sorted(response.status_code for response in await asyncio.gather(*left))

    assert asyncio.run(ask()) == (200, [200] * 8 + [429] * 4)


def test_the_documented_reply_is_the_one_that_is_given(api: Api) -> None:
    specification = api.send("GET", "/openapi.json").json()
    documented = specification["components"]["schemas"]["ChatReply"]["properties"]
    assert set(documented) == set(api.post("/chat", body(message="refund")).json())


def test_metrics_count_routes_statuses_and_sources_and_know_no_text_of_a_user(api: Api) -> None:
    for message in ("refund", "maybe", "a zebra", "I will sue you"):
        api.post("/chat", body(message=message))
    api.post("/chat", b"nonsense")
    api.send("GET", "/secret-path-of-a-user")
    text = api.send("GET", "/metrics").text
    assert 'chatbot_requests_total{route="/chat",status="200"} 4.0' in text
    assert 'chatbot_requests_total{route="/chat",status="422"} 1.0' in text
    assert 'chatbot_requests_total{route="other",status="404"} 1.0' in text
    assert 'chatbot_predictions_total{intent="get_refund",source="model"} 1.0' in text
    assert 'chatbot_predictions_total{intent="out_of_scope",source="human"} 1.0' in text
    assert 'chatbot_handoffs_total{source="rule"} 1.0' in text
    assert "chatbot_confidence_count 3.0" in text
    assert "secret" not in text


def test_metrics_are_served_while_a_process_creates_its_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for kind in ("counter", "histogram", "gauge_livesum"):
        (tmp_path / f"{kind}_{os.getpid()}.db").touch()
    assert paper_api().send("GET", "/metrics").status_code == 200


def test_metrics_are_served_while_another_process_removes_the_files_of_a_dead_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def removed(_pid: int) -> None:
        raise FileNotFoundError

    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr("bento.http.metrics.mark_process_dead", removed)
    (tmp_path / f"gauge_livesum_{1 << 30}.db").touch()
    assert paper_api().send("GET", "/metrics").status_code == 200


def test_every_metric_has_a_description_the_prefix_and_buckets_of_its_own() -> None:
    metrics = Metrics()
    assert len({spec.name for spec in metrics.specs}) == len(metrics.specs)
    for spec in metrics.specs:
        assert spec.name.startswith("chatbot_")
        assert spec.description.endswith(".")
    families = {family.name for family in metrics.registry.collect()}
    assert {spec.name.removesuffix("_total") for spec in metrics.specs} == families


def test_every_series_that_an_alert_counts_is_there_before_its_first_count() -> None:
    """`increase` is 0 for a series that begins with its first burst."""
    metrics = Metrics()
    metrics.expect_handoffs(["store"])
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    selectors = {
        found
        for file in ALERTS.glob("*.yaml")
        for found in re.findall(r"(chatbot_\w+_total)\{([^}]+)\}", file.read_text(encoding="utf-8"))
    } | {
        ("chatbot_handoffs_total", 'source="human"'),
        ("chatbot_log_store_records_total", 'kind="feedback",outcome="dropped"'),
        ("chatbot_handoff_deliveries_total", 'target="store",outcome="dropped"'),
    }
    assert len(selectors) > 6
    for name, matchers in selectors:
        wanted = re.findall(r'(\w+)=~?"([^"]+)"', matchers)
        assert any(
            sample.name == name
            and sample.value == 0
            and all(re.fullmatch(v, sample.labels[k]) for k, v in wanted)
            for sample in samples
        ), f"{name}{{{matchers}}}"


def test_an_error_of_our_own_is_answered_500_in_the_same_shape_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(messages: Sequence[str]) -> list[Prediction]:
        raise ZeroDivisionError("a bug of ours")

    api = paper_api(broken)
    problem = error_of(api.post("/chat", body(message="refund for jane")), 500)
    assert "bug" not in json.dumps(problem)
    assert "ZeroDivisionError" in caplog.text
    assert "jane" not in caplog.text


def test_what_users_send_wrong_writes_nothing_into_the_servers_log(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.post("/chat", b"nonsense")
    api.post("/chat", body(message=""), "text/plain")
    api.send("GET", "/nothing")
    assert caplog.text == ""


@pytest.mark.parametrize("message", ["track it", "maybe a zebra"], ids=["answered", "handed over"])
def test_personal_data_is_detected_once_and_does_not_reach_the_model(
    message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(text: str) -> str:
        raise AssertionError(f"{text!r} is redacted again")

    asked: list[str] = []

    async def listening(messages: Sequence[str]) -> list[Prediction]:
        asked.extend(messages)
        return await classify(messages)

    monkeypatch.setattr("chatbot.records.schema.redact", again)
    monkeypatch.setattr("chatbot.dialog.router.redact", again)
    api = paper_api(listening)
    body = json.dumps({"message": f"{message}, my email is max@example.com"}).encode()
    assert api.post("/chat", body).status_code == 200
    assert asked == [message]
    assert [record.query for record in api.log.writes[0]] == [f"{message}, my email is <EMAIL>"]


def test_a_session_is_one_whether_it_is_sent_as_a_number_or_as_its_digits(api: Api) -> None:
    for session in (7, "7", "8"):
        api.post("/chat", body(message="refund", session_id=session))
    first, second, other = (write[0].session_id for write in api.log.writes)
    assert first == second != other


def test_an_error_of_our_own_in_any_route_has_the_same_shape(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    api = paper_api()

    def broken() -> None:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(api.metrics, "render", broken)
    problem = error_of(api.send("GET", "/metrics"), 500)
    assert problem["type"] == "internal"
    assert "bug" not in json.dumps(problem)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("path", ["/schema.json", "/docs.json", "/static_content/index.css", "/healthz"])
def test_no_page_of_bentoml_is_served(path: str) -> None:
    async def bentoml(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"BentoML"})

    made = paper_api()
    app = FastPath(made.behind, {}, made.metrics, bentoml=bentoml)
    api = replace(made, app=app)
    error_of(api.send("GET", path), 404)
    for probe in ("/livez", "/readyz"):
        assert api.send("GET", probe).text == "BentoML"


def test_an_app_that_fails_before_it_answers_is_answered_500_in_the_same_shape(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError("a bug of BentoML")

    made = paper_api()
    api = replace(made, app=FastPath(made.behind, {}, made.metrics, bentoml=fails))
    assert error_of(api.send("GET", "/readyz"), 500)["type"] == "internal"
    assert "a bug of BentoML" in caplog.text
    assert 'chatbot_requests_total{route="/readyz",status="500"} 1.0' in api.send("GET", "/metrics").text
