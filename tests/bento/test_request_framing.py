"""A request means the same however it is framed: in chunks with trailers, pipelined, in pieces."""

from __future__ import annotations

import pytest

from bento.http.asgi import Receive, Scope, Send
from bento.http.protocol import MAX_HEAD_BYTES
from tests.bento.wire import exchange, request, statuses

CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"


async def names(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the names of the request's headers, after its body."""
    while (await receive()).get("more_body"):
        pass
    body = b" ".join(name for name, _ in scope["headers"])
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("first", [b"", request("GET", "/")], ids=["alone", "pipelined"])
@pytest.mark.parametrize("is_split", [False, True], ids=["in one piece", "in two"])
def test_trailers_do_not_become_headers(first: bytes, is_split: bool) -> None:
    """As `X-Forwarded-For` of a trusted proxy's client, they would name the address that rate limits count."""
    trailers = b"0\r\nX-Forwarded-For: 203.0.113.9\r\nAuthorization: Bearer x\r\n\r\n"
    pieces = [first + CHUNKED, trailers] if is_split else [first + CHUNKED + trailers]
    assert exchange(names, *pieces).writes[-1].endswith(b"\r\n\r\nhost transfer-encoding")


def test_many_trailers_are_refused() -> None:
    transport = exchange(names, CHUNKED + b"0\r\n" + b"a: b\r\n" * MAX_HEAD_BYTES, b"\r\n")
    assert statuses(transport.writes) == [b"431"]
    assert transport.closed


def test_a_pipelined_request_with_a_long_body_may_have_its_head_in_pieces() -> None:
    long = request("POST", "/", body=b"x" * (2 * MAX_HEAD_BYTES))
    transport = exchange(names, request("GET", "/") + long[:20], long[20:], request("GET", "/"))
    assert statuses(transport.writes) == [b"200"] * 3


def test_long_pipelined_heads_do_not_count_as_trailers_of_the_last_request() -> None:
    one = request("GET", "/", "X-Long: " + "x" * (MAX_HEAD_BYTES // 4))
    last = request("POST", "/", body=b"hello")
    transport = exchange(names, one * 8 + last[:-2], last[-2:])
    assert statuses(transport.writes) == [b"200"] * 9
