"""A response is one write: its head waits for the body, and is not lost where none comes."""

from __future__ import annotations

import pytest

from bento.http.asgi import Receive, Scope, Send
from tests.bento.wire import PaperTransport, exchange, request, statuses

HEADERS = [(b"content-length", b"5")]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in as many parts as the path says; `/broken` breaks off after the head."""
    message = await receive()
    headers = [] if scope["path"] == "/parts" else HEADERS
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/broken":
        raise RuntimeError("broken")
    if scope["path"] == "/parts":
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await send({"type": "http.response.body", "body": message["body"] or b"hello"})


def test_head_and_body_are_one_write_for_each_of_pipelined_requests() -> None:
    writes = exchange(app, request("POST", "/", body=b"early") + request("POST", "/", body=b"later")).writes
    assert statuses(writes) == [b"200", b"200"]
    assert [write[-5:] for write in writes] == [b"early", b"later"]


def test_of_a_response_in_parts_the_head_goes_with_the_first() -> None:
    head_and_first, *others = exchange(app, request("GET", "/parts")).writes
    assert head_and_first.endswith(b"\r\n\r\n5\r\nfirst\r\n")
    assert b"".join(others) == b"5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize(("method", "path"), [("HEAD", "/"), ("GET", "/broken")])
def test_a_head_without_a_body_is_sent(method: str, path: str) -> None:
    transport = exchange(app, request(method, path), request("GET", "/") if method == "HEAD" else b"")
    assert statuses(transport.writes) == [b"200"] * (1 + (method == "HEAD"))
    assert transport.writes[0].endswith(b"\r\n\r\n")
    assert transport.closed == (path == "/broken")


def test_a_head_without_a_body_goes_before_the_next_response_of_the_pipeline() -> None:
    head, whole = exchange(app, request("HEAD", "/") + request("GET", "/")).writes
    assert head.endswith(b"\r\n\r\n")
    assert whole.endswith(b"hello")


def test_each_later_part_of_a_response_is_written_at_once() -> None:
    transport, written = PaperTransport(), list[int]()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"1", b"2", b"3"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            written.append(len(transport.writes))
        await send({"type": "http.response.body", "body": b""})

    exchange(stream, request("GET", "/"), transport=transport)
    assert written == [1, 2, 3]


def test_a_client_that_waits_for_continue_gets_it_at_once() -> None:
    head = request("POST", "/", "Expect: 100-continue", body=b"hello")[:-5]
    writes = exchange(app, head, b"hello").writes
    assert statuses(writes) == [b"100", b"200"]
