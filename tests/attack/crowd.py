"""More unfinished connections than a process takes: the longest idle are closed, memory is flat, others are served."""

from __future__ import annotations

import contextlib
import resource
import socket
import time

from tests.attack.report import require
from tests.attack.target import MORE_THAN_TAKEN, Target, patience
from tests.bento.server import Server

_UNFINISHED = (
    b"POST /chat HTTP/1.1\r\nHost: localhost\r\nX-",
    b"",
    b'POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"m',
)
MAX_BYTES_EACH = 20_000
MAX_SECONDS = 20.0


def check(target: Target) -> str:
    """Open the connections to a service with one HTTP process and long deadlines, and ask as a normal client."""
    count = target.scale.crowd
    taken = round(count / MORE_THAN_TAKEN)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    require(
        hard > count + 500,
        f"{hard} open files are allowed here (ulimit -Hn): too few for {count} connections",
    )
    settings = {
        "CHATBOT_BUNDLE": str(target.bundle),
        "CHATBOT_RUNNER_WORKERS": "1",
        "CHATBOT_MAX_CONNECTIONS": str(taken),
        "CHATBOT_HEAD_SECONDS": "600",
        "CHATBOT_BODY_SECONDS": "600",
    }
    server = Server(target.folder / "crowd", settings).start()
    try:
        return _attack(Target(server, target.bundle, target.folder, target.scale), count, taken)
    finally:
        server.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _attack(target: Target, count: int, taken: int) -> str:
    [worker] = target.server.workers("SupportChatbot")
    memory = worker.memory_info().rss
    with contextlib.ExitStack() as stack:
        opened = []
        for number in range(count):
            connection = stack.enter_context(target.connect())
            connection.sendall(_UNFINISHED[number % len(_UNFINISHED)])
            opened.append(connection)
        with target.normal_client() as answers:
            pass
        grown = worker.memory_info().rss - memory
        closed = sum(map(_is_closed, opened))
    bad = [status for status, _ in answers if status != 200]
    slowest = max(seconds for _, seconds in answers)
    require(not bad, f"a normal client got {bad} beside {count} unfinished connections")
    require(slowest < MAX_SECONDS * patience(), f"a normal client waited {slowest:.1f} s")
    require(closed >= count - taken, f"{count - closed} of {count} connections are open; {taken} are allowed")
    require(
        grown < MAX_BYTES_EACH * taken + (32 << 20), f"memory of the HTTP process grew by {grown >> 20} MB"
    )
    until = time.monotonic() + 30
    while (left := worker.num_fds()) > 200 and time.monotonic() < until:
        time.sleep(0.2)
    require(left <= 200, f"{left} descriptors stayed open after all clients had left")
    return (
        f"{count} unfinished connections, of which {taken} are taken: {closed} were closed, the longest idle first; "
        f"{len(answers)} normal requests got 200, the slowest in {slowest:.1f} s; memory grew by {grown >> 20} MB"
    )


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
