"""Control processes: graceful shutdown (SIGTERM as an exception), end with the parent, preflight check of a port."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
from types import FrameType

from chatbot.errors import SettingError

_PR_SET_PDEATHSIG = 1


class Stopped(BaseException):
    """The process received a stop signal.

    Not an `Exception`: libraries catch those (botocore, while it retries an unreachable store), and the process would
    continue.
    """


def stop_on(*numbers: signal.Signals) -> None:
    """Install handlers that raise `Stopped` in the main thread, even if the signals were ignored at start.

    A shell without job control starts background processes with SIGINT ignored. After the first signal all are
    ignored: a second one would interrupt the stop.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    for number in numbers:
        signal.signal(number, stop)


def die_with_parent(parent: int) -> bool:
    """Request SIGTERM on the parent's death, however it dies (prctl(2)), so that no process keeps the port.

    Args:
        parent: expected process id of the parent.

    Returns:
        Whether the parent is the expected one; False: it died before this call.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    return parent == os.getppid()


def check_port_free(address: str, port: int, address_variable: str, port_variable: str) -> None:
    """Check that a server can listen on an address and port.

    Args:
        address: host name or IP address.
        port: TCP port.
        address_variable: variable that sets the address, named in errors.
        port_variable: variable that sets the port, named in errors.

    Raises:
        SettingError: the port is in use or privileged, or this machine does not have the address.
    """
    missing = SettingError(f"address {address} does not exist on this machine: set {address_variable}")
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        raise missing from None
    is_there = False
    # "localhost" may be two addresses: what listens on either of them answers clients of that name.
    for family, kind, protocol, _, target in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(target)
        except PermissionError:
            raise SettingError(
                f"port {port} needs a privilege this user lacks: set {port_variable}"
            ) from None
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):  # the latter: `::` without IPv6
                continue
            raise SettingError(f"port {port} is in use: set {port_variable}") from None
        is_there = True
    if not is_there:
        raise missing
