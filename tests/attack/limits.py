"""Limits of heads, trailers and bodies: what exceeds one is refused, and memory stays flat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.attack.report import require
from tests.attack.target import Target, statuses

_GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
_POST = (
    b"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_MEGABYTE = 1 << 20
MAX_GROWTH_MB = 64


def check(target: Target) -> str:
    """Send each giant once, in pieces, until it is refused."""
    size = target.scale.megabytes
    attacks: dict[str, tuple[Iterable[bytes], set[int]]] = {
        "header value": (_repeated(_GET + b"X: ", b"a" * _MEGABYTE, size), {431}),
        "header lines": (_repeated(_GET, b"X: a\r\n" * (_MEGABYTE // 6), size), {431}),
        "header name": (_repeated(_GET, b"A" * _MEGABYTE, size), {400, 431}),
        "URL": (_repeated(b"GET /", b"a" * _MEGABYTE, size), {414}),
        "method": (_repeated(b"", b"A" * _MEGABYTE, size), {400, 414, 431}),
        "trailers": (
            _repeated(_POST + b"2\r\n{}\r\n0\r\n", b"X: a\r\n" * (_MEGABYTE // 6), size),
            {400, 413, 431},
        ),
        "chunk extensions": (_repeated(_POST + b"2;", b"a" * _MEGABYTE, size), {400, 413, 431}),
        "body in chunks": (_repeated(_POST, b"100000\r\n" + b"a" * _MEGABYTE + b"\r\n", size), {413}),
        "body of one byte chunks": (
            _repeated(_POST, b"1\r\na\r\n" * (_MEGABYTE // 6), size),
            {400, 408, 413},
        ),
        "body with its length": (
            _repeated(
                _POST.replace(b"Transfer-Encoding: chunked", b"Content-Length: 999999999"),
                b"a" * _MEGABYTE,
                size,
            ),
            {413},
        ),
    }
    before = target.memory()
    for name, (pieces, expected) in attacks.items():
        codes = statuses(target.exchange(*pieces, seconds=20))
        # A reset while the giant is still being sent may overtake the response.
        require(not codes or codes[0] in expected, f"{name} of {size} MB got {codes}, not {sorted(expected)}")
        require(target.server.ready(), f"the service is not ready after {name} of {size} MB")
        small = statuses(target.exchange(*_first(pieces), seconds=20))
        require(small and small[0] in expected, f"{name} of 1 MB got {small}, not {sorted(expected)}")
    grown = target.memory() - before
    require(grown < MAX_GROWTH_MB, f"memory of the HTTP processes grew by {grown} MB")
    return f"{len(attacks)} giants of {size} MB were refused with 4xx; memory of the HTTP processes grew by {grown} MB"


class _Pieces:
    """A beginning, and a piece so many times."""

    def __init__(self, beginning: bytes, piece: bytes, count: int) -> None:
        self.beginning, self.piece, self.count = beginning, piece, count

    def __iter__(self) -> Iterator[bytes]:
        yield self.beginning
        for _ in range(self.count):
            yield self.piece


def _repeated(beginning: bytes, piece: bytes, count: int) -> _Pieces:
    return _Pieces(beginning, piece, count)


def _first(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the beginning and 200 KB: little enough that the response arrives before the connection is reset."""
    for number, piece in enumerate(pieces):
        yield piece[:200_000]
        if number == 1:
            return
