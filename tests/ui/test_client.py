"""How the page speaks with the API: what it understands of answers and errors, and what it sends twice."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable

import httpx
import pytest

from chatbot.settings import ApiClientSettings
from tests.bento.server import Server, free_port
from tests.ui.fake_api import INTENTS, FakeApi, answer
from ui.chat.client import DEFAULT_RETRY_AFTER, ApiError, ChatClient, FailureKind

Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler) -> ChatClient:
    return ChatClient("http://api", 30.0, httpx.MockTransport(handler))


def answering(status: int, body: object = None, **headers: str) -> ChatClient:
    return client(lambda _: httpx.Response(status, json=body, headers=headers))


def failing(error: Exception, calls: list[str]) -> ChatClient:
    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        raise error

    return client(handler)


def error_of(ask: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        ask()
    return caught.value


@pytest.mark.process
def test_an_answer_of_the_real_service_is_understood(api: Server) -> None:
    chat = ChatClient(api.url, 10.0)
    said = chat.chat("I want to talk to a human", "a-visit")
    assert (said.source, said.handoff) == ("rule", True)
    assert said.prediction_id
    chat.feedback(said.prediction_id, helpful=True, comment="well done")


@pytest.mark.process
def test_the_real_service_tells_its_intents_with_their_replies(api: Server) -> None:
    intents = {intent.name: intent for intent in ChatClient(api.url, 10.0).intents()}
    assert intents["get_refund"].reply
    assert intents["get_refund"].words


@pytest.mark.process
def test_the_real_service_says_that_it_is_ready(api: Server) -> None:
    assert ChatClient(api.url, 10.0).ready()


@pytest.mark.process
def test_the_real_service_names_the_limit_of_a_message_that_is_too_long(api: Server) -> None:
    error = error_of(lambda: ChatClient(api.url, 10.0).chat("x" * 5000, "a-visit"))
    assert error.kind is FailureKind.TOO_LONG
    assert error.limit == 4000


@pytest.mark.process
def test_a_message_too_big_for_the_real_service_is_too_long(api: Server) -> None:
    assert (
        error_of(lambda: ChatClient(api.url, 10.0).chat("x" * 200_000, "a-visit")).kind
        is FailureKind.TOO_LONG
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (503, FailureKind.AWAY),
        (408, FailureKind.LOST),
        (502, FailureKind.LOST),
        (504, FailureKind.LOST),
        (429, FailureKind.BUSY),
        (413, FailureKind.TOO_LONG),
        (422, FailureKind.UNREADABLE),
        (404, FailureKind.REFUSED),
        (500, FailureKind.REFUSED),
        (301, FailureKind.REFUSED),
    ],
)
def test_an_error_status_becomes_what_the_customer_can_do_about_it(status: int, kind: FailureKind) -> None:
    body = {"error": {"type": "t", "message": "m", "details": None}}
    assert error_of(lambda: answering(status, body).chat("hello", "s")).kind is kind


@pytest.mark.parametrize(
    "body", [None, [], "no", {"error": "x"}, {"intent": "a"}, answer("a", 0.5) | {"confidence": 7}]
)
def test_an_invalid_response_does_not_crash(body: object) -> None:
    assert error_of(lambda: answering(200, body).chat("hello", "s")).kind is FailureKind.REFUSED
    assert error_of(lambda: answering(500, body).chat("hello", "s")).kind is FailureKind.REFUSED


def test_a_proxys_error_page_is_not_an_answer() -> None:
    chat = client(lambda _: httpx.Response(200, text="<html>Welcome to nginx</html>"))
    for ask in (lambda: chat.chat("hello", "s"), chat.intents):
        assert error_of(ask).kind is FailureKind.REFUSED


def test_fields_that_a_newer_api_adds_do_no_harm() -> None:
    assert answering(200, answer("get_refund", 0.9, new=1)).chat("hello", "s").intent == "get_refund"


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 0.0), ("-3", 0.0), ("soon", DEFAULT_RETRY_AFTER)]
)
def test_retry_after_in_seconds_is_heeded(header: str, seconds: float) -> None:
    busy = answering(429, **{"Retry-After": header})
    assert error_of(lambda: busy.chat("hello", "s")).retry_after == seconds


def test_retry_after_as_a_date_is_heeded() -> None:
    busy = answering(429, **{"Retry-After": email.utils.formatdate(time.time() + 30, usegmt=True)})
    assert 25 < error_of(lambda: busy.chat("hello", "s")).retry_after <= 30


def test_a_busy_api_without_retry_after_is_retried_after_a_delay() -> None:
    assert error_of(lambda: answering(429).chat("hello", "s")).retry_after == DEFAULT_RETRY_AFTER


def test_a_message_that_never_arrived_is_sent_once_more_and_can_be_sent_again() -> None:
    calls: list[str] = []
    lost = failing(httpx.ConnectError("refused"), calls)
    assert error_of(lambda: lost.chat("hello", "s")).kind is FailureKind.AWAY
    assert calls == ["/chat", "/chat"]


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("slow"),
        httpx.ReadError("cut"),
        httpx.RemoteProtocolError("cut"),
        httpx.DecodingError("not gzip"),
    ],
)
def test_a_message_that_may_have_arrived_is_not_sent_twice(error: Exception) -> None:
    calls: list[str] = []
    lost = failing(error, calls)
    assert error_of(lambda: lost.chat("hello", "s")).kind is FailureKind.LOST
    assert error_of(lambda: lost.feedback("p", True)).kind is FailureKind.LOST
    assert calls == ["/chat", "/feedback"]


def test_what_only_reads_is_asked_twice_when_the_connection_breaks() -> None:
    calls: list[str] = []
    assert error_of(failing(httpx.ReadError("cut"), calls).intents).kind is FailureKind.LOST
    assert calls == ["/intents", "/intents"]


@pytest.mark.process
def test_an_api_that_hangs_is_given_up_in_time() -> None:
    fake = FakeApi(delay=60).start()
    began = time.monotonic()
    assert error_of(lambda: ChatClient(fake.url, 0.3).chat("hello", "s")).kind is FailureKind.LOST
    assert time.monotonic() - began < 30
    fake.stop()


@pytest.mark.process
def test_an_api_that_does_not_answer_is_unavailable_and_not_ready() -> None:
    chat = ChatClient(f"http://127.0.0.1:{free_port()}", 1.0)
    assert error_of(lambda: chat.chat("hello", "s")).kind is FailureKind.AWAY
    assert not chat.ready()


@pytest.mark.process
def test_a_proxy_of_the_world_outside_does_not_swallow_the_api(
    fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert ChatClient(fake.url, 10.0).ready()


def test_intents_are_asked_for_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        return httpx.Response(200, json=INTENTS)

    chat = client(handler)
    assert chat.intents() == chat.intents()
    assert len(calls) == 1
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    chat.intents()
    assert len(calls) == 2


@pytest.mark.process
def test_feedback_carries_only_what_was_said(fake: FakeApi) -> None:
    chat = ChatClient(fake.url, 10.0)
    chat.feedback("p", True)
    chat.feedback("p", False, "get_refund", "wrong")
    assert fake.bodies("/feedback") == [
        {"prediction_id": "p", "helpful": True},
        {"prediction_id": "p", "helpful": False, "intent": "get_refund", "comment": "wrong"},
    ]


@pytest.mark.parametrize("status", [422, 500, 429, 503])
def test_what_a_customer_wrote_stays_out_of_the_log(status: int) -> None:
    secret = "my card is 4111 1111 1111 1111"
    chat = answering(status, {"error": {"type": "invalid", "message": f"bad: {secret}", "details": [secret]}})
    assert secret not in str(error_of(lambda: chat.chat(secret, "s")))
    assert secret not in str(error_of(lambda: answering(200, {"intent": [secret]}).chat(secret, "s")))


def test_every_request_carries_the_key_where_the_api_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str | None]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append((request.url.path, request.headers.get("authorization")))
        return httpx.Response(404)

    def ask() -> set[str | None]:
        sent.clear()
        headers = ApiClientSettings().headers()
        chat = ChatClient("http://api", 30.0, httpx.MockTransport(handler), headers)
        for request in (
            chat.intents,
            lambda: chat.chat("hi", "s"),
            lambda: chat.feedback("p", True),
        ):
            error_of(request)  # type: ignore[arg-type]
        assert len(sent) == 3
        return {key for _, key in sent}

    assert ask() == {None}
    monkeypatch.setenv("CHATBOT_API_KEY", "chatbot_secret\n")
    assert ask() == {"Bearer chatbot_secret"}
    assert "chatbot_secret" not in repr(ApiClientSettings())


def test_a_refused_key_is_named_in_the_log_without_the_key() -> None:
    error = error_of(lambda: answering(401, {"error": {"type": "unauthorized"}}).intents())
    assert error.kind is FailureKind.REFUSED
    assert "401 unauthorized" in str(error)
