"""Check settings and port before a page is served, and start Streamlit; fail fast with a one-line message."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from chatbot.settings.base import explain

S = TypeVar("S", bound=BaseSettings)


class StartError(Exception):
    """The page cannot start; the message says why in one line."""


def read(kind: type[S]) -> S:
    """Read settings from the environment.

    Raises: StartError: a variable has an invalid value; the message names both.
    """
    try:
        return kind()
    except ValidationError as error:
        raise StartError("; ".join(explain(kind, error))) from None


def check_free(address: str, port: int, prefix: str = "CHATBOT_UI") -> None:
    """Check that a page can listen on an address and port.

    Args:
        address: host name or IP address.
        port: TCP port.
        prefix: prefix of the variables that set address and port.

    Raises: StartError: the port is in use or privileged, or this machine does not have the address.
    """
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except socket.gaierror:
        raise StartError(f"there is no address {address} here: set {prefix}_ADDRESS") from None
    except PermissionError:
        raise StartError(f"port {port} needs a privilege this user lacks: set {prefix}_PORT") from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise StartError(f"there is no address {address} here: set {prefix}_ADDRESS") from None
        raise StartError(f"port {port} is in use: set {prefix}_PORT") from None


def run_streamlit(script: Path, options: Mapping[str, object]) -> NoReturn:
    """Replace this process with `streamlit run`, so that a signal to it reaches the server."""
    # No proxy is trusted unless the operator names it: uvicorn would believe any process of this machine.
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    flags = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "streamlit", "run", str(script.resolve()), *flags]
    os.execv(sys.executable, command)  # noqa: S606 - no shell, and nothing of it comes from outside
