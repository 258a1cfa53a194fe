"""Guard of `make check`: a test that starts a process or a server, or connects elsewhere, needs the mark `process`.

This keeps the marks correct without a hand-maintained list: an audit hook (PEP 578) reports each new process, each
socket that is bound to an address, and each connection to another machine.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Generator
from multiprocessing import util
from typing import Any

import pytest
import urllib3.util.connection  # noqa: F401 - its import binds a socket, to find out whether there is IPv6

_EVENTS = (
    "subprocess.Popen",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.system",
    "socket.bind",
    "socket.connect",
)
_current: list[pytest.Item] = []
_installed: list[bool] = []


def install() -> None:
    """Install the audit hook; it remains for the life of the process."""
    if _installed:
        return
    _installed.append(True)
    sys.addaudithook(_audit)
    # multiprocessing starts processes without an audit event.
    spawn = util.spawnv_passfds

    def audited(path: Any, args: Any, passfds: Any) -> int:
        sys.audit("subprocess.Popen", path, args)
        return int(spawn(path, args, passfds))

    util.spawnv_passfds = audited


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Watch a test item from the setup of its fixtures to their teardown."""
    _current.append(item)
    try:
        return (yield)
    finally:
        _current.pop()


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _EVENTS or not _current or _current[-1].get_closest_marker("process"):
        return
    if event == "socket.bind":
        bound = arguments[0]
        if not isinstance(bound, socket.socket) or bound.family == socket.AF_NETLINK:
            return
    if event == "socket.connect" and _stays_here(arguments[1]):
        return
    what = {
        "socket.bind": "binds a socket",
        "socket.connect": f"connects to {arguments[1:]}",
        "subprocess.Popen": f"starts {arguments[:1]}",
    }.get(event, event)
    pytest.fail(
        f"{_current[-1].nodeid} {what}: mark it with @pytest.mark.process, which keeps it out of `make check`",
        pytrace=True,
    )


def _stays_here(address: object) -> bool:
    """Whether an address is of this machine: loopback, a Unix socket, or not of the Internet's families."""
    if not isinstance(address, tuple) or not isinstance(address[0], str):
        return True
    return address[0] in ("localhost", "") or address[0].startswith(("127.", "::1"))
