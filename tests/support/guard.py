"""Guard of `make check`: a test that starts a process or a server fails unless it is marked `process`.

This keeps the marks correct without a hand-maintained list: an audit hook (PEP 578) reports each new process and each
socket that is bound to an address.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Generator
from multiprocessing import util
from typing import Any

import pytest

_EVENTS = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "socket.bind")
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
    what = {"socket.bind": "binds a socket", "subprocess.Popen": f"starts {arguments[:1]}"}.get(event, event)
    pytest.fail(
        f"{_current[-1].nodeid} {what}: mark it with @pytest.mark.process, which keeps it out of `make check`",
        pytrace=True,
    )
