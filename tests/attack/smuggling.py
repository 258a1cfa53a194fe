"""Request smuggling: a request whose length is ambiguous is refused, and what follows it is not answered."""

from __future__ import annotations

from tests.attack.report import require
from tests.attack.target import Target, statuses

_BODY = b'{"message": "hello"}'
_SECOND = b"GET /intents?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
_POST = b"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
_LENGTH = b"Content-Length: %d\r\n" % len(_BODY)
_CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(_BODY), _BODY)

AMBIGUOUS = {
    "length and chunked": _POST + _LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + _CHUNK,
    "chunked and length 0": _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" + _CHUNK,
    "two lengths": _POST + _LENGTH + b"Content-Length: 0\r\n\r\n" + _BODY,
    "a list of lengths": _POST + b"Content-Length: 20, 0\r\n\r\n" + _BODY,
    "a signed length": _POST + b"Content-Length: +20\r\n\r\n" + _BODY,
    "a negative length": _POST + b"Content-Length: -1\r\n\r\n" + _BODY,
    "a hexadecimal length": _POST + b"Content-Length: 0x14\r\n\r\n" + _BODY,
    "a length beyond 64 bits": _POST + b"Content-Length: 18446744073709551636\r\n\r\n" + _BODY,
    "a space before the colon": _POST + b"Content-Length : 20\r\n\r\n" + _BODY,
    "chunked, then identity": _POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + _CHUNK,
    "a misspelt coding": _POST + b"Transfer-Encoding: xchunked\r\n\r\n" + _CHUNK,
    "a vertical tab": _POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n" + _CHUNK,
    "two codings": _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + _CHUNK,
    "a folded line": _POST
    + b"X: a\r\n Transfer-Encoding: chunked\r\n"
    + _LENGTH
    + b"Content-Length: 0\r\n\r\n"
    + _BODY,
    "a bare carriage return": _POST + b"X: a\rContent-Length: 20\r\n\r\n" + _BODY,
    "a zero byte": _POST + b"X: a\x00b\r\n" + _LENGTH + b"\r\n" + _BODY,
    "a chunk size beyond 64 bits": _POST
    + b"Transfer-Encoding: chunked\r\n\r\n10000000000000014\r\n"
    + _BODY
    + b"\r\n0\r\n\r\n",
    "a negative chunk size": _POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + _BODY + b"\r\n0\r\n\r\n",
    "a chunk without its end": _POST + b"Transfer-Encoding: chunked\r\n\r\n14\r\n" + _BODY + b"XX0\r\n\r\n",
    "two hosts": _POST + b"Host: other\r\n" + _LENGTH + b"\r\n" + _BODY,
    "no host": b"POST /chat HTTP/1.1\r\nContent-Type: application/json\r\n" + _LENGTH + b"\r\n" + _BODY,
    "a line feed in the request line": b"POST /chat\n HTTP/1.1\r\nHost: localhost\r\n"
    + _LENGTH
    + b"\r\n"
    + _BODY,
    "HTTP/1.1 with a space": b"POST /chat HTTP/1.1 \r\nHost: localhost\r\n" + _LENGTH + b"\r\n" + _BODY,
    "a version of its own": b"POST /chat HTTP/3.9\r\nHost: localhost\r\n" + _LENGTH + b"\r\n" + _BODY,
}


def check(target: Target) -> str:
    """Send each ambiguous request with another one behind it, at once and in single bytes."""
    found = []
    for name, request in AMBIGUOUS.items():
        for pieces in ((request + _SECOND,), (*(bytes((byte,)) for byte in request), _SECOND)):
            answer = target.exchange(*pieces, seconds=8)
            codes = statuses(answer)
            if codes[:1] and (codes[0] < 400 or codes[0] >= 500 or len(codes) > 1):
                found.append(f"{name}: {codes}")
            elif b'"intents"' in answer or not codes:
                found.append(f"{name}: {codes} {answer[:80]!r}")
    require(not found, f"{len(found)} answered otherwise than by one 4xx: {sorted(set(found))}")
    plain = target.exchange(
        _POST + _LENGTH + b"\r\n" + _BODY + _SECOND.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    )
    require(statuses(plain) == [200, 200], f"two unambiguous requests were answered {statuses(plain)}")
    return (
        f"{len(AMBIGUOUS)} ambiguous requests, whole and in single bytes, got one 4xx and a closed connection"
    )
