"""What has to be right before the page is served, settings and port; else one line says what to do."""

from __future__ import annotations

import errno
import socket
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

S = TypeVar("S", bound=BaseSettings)


class StartError(Exception):
    """The page cannot start: one line says why."""


def read(kind: type[S]) -> S:
    """Settings from the environment.

    Raises: StartError: a variable has a value that cannot work; named with its value.
    """
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        problems = (f"{prefix}{e['loc'][0]}".upper() + f"={e['input']!r}: {e['msg']}" for e in error.errors())
        raise StartError("; ".join(problems)) from None


def check_free(address: str, port: int, prefix: str = "CHATBOT_UI") -> None:
    """Whether a page can listen there.

    Args:
        prefix: of the variables that set address and port.

    Raises: StartError: something listens there already, or this machine has no such address.
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
