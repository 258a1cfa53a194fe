"""Half-sent requests and slow readers: a normal client is served meanwhile, and nothing stays behind."""

from __future__ import annotations

import contextlib
import socket
import time

from tests.attack.report import require
from tests.attack.target import HEAD_SECONDS, Target, patience, statuses

_HALF_HEAD = b"POST /chat HTTP/1.1\r\nHost: localhost\r\nX-"
_HALF_BODY = (
    b"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Content-Length: 50\r\n\r\n{"mess'
)
_GREEDY = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200
MAX_GROWTH_MB = 96
MAX_SECONDS = 20.0


def check(target: Target) -> str:
    """Open connections that never finish, of four kinds, and ask as a normal client."""
    count, memory, descriptors = target.scale.connections, target.memory(), target.descriptors()
    with contextlib.ExitStack() as stack:
        opened: list[tuple[bytes, socket.socket]] = []
        for number in range(count):
            with contextlib.suppress(OSError):
                connection = stack.enter_context(target.connect())
                payload = (_HALF_HEAD, _HALF_BODY, b"", _GREEDY)[number % 4]
                opened.append((payload, connection))
                connection.settimeout(0.5)
                connection.sendall(payload)
        with target.normal_client() as answers:
            pass
        held = target.memory()
        time.sleep(HEAD_SECONDS + 1)
        half = next(connection for payload, connection in reversed(opened) if payload == _HALF_HEAD)
        answer = b""
        with contextlib.suppress(OSError):
            answer = half.recv(4096)
    require(len(opened) > count * 0.9, f"only {len(opened)} of {count} connections could be opened")
    bad = [status for status, _ in answers if status != 200]
    slowest = max(seconds for _, seconds in answers)
    require(not bad, f"a normal client got {bad} beside {len(opened)} unfinished connections")
    require(slowest < MAX_SECONDS * patience(), f"a normal client waited {slowest:.1f} s")
    require(not answer or statuses(answer)[:1] in ([408], [503]), f"a half-sent head got {answer[:80]!r}")
    require(held - memory < MAX_GROWTH_MB, f"memory of the HTTP processes grew by {held - memory} MB")
    until = time.monotonic() + 20
    while (left := target.descriptors() - descriptors) > 20 and time.monotonic() < until:
        time.sleep(0.2)
    require(left <= 20, f"{left} descriptors stayed open after all clients had left")
    return (
        f"beside {len(opened)} half-sent heads, half-sent bodies, silent connections and slow readers, "
        f"{len(answers)} normal requests got 200, the slowest in {slowest:.1f} s; memory grew by {held - memory} MB"
    )
