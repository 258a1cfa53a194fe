"""Serving on a listening socket that this process was started with, in place of one of its own.

Two servers that share one listening socket share its queue: while one comes and the other goes, no connection
is refused and none is lost, which two sockets on one port (SO_REUSEPORT) cannot promise.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from _bentoml_impl.server.serving import API_SERVER_NAME
from circus.sockets import CircusSocket

from chatbot.errors import SettingError


def take_over(number: int) -> int:
    """Let the server that BentoML starts after this listen on a given socket.

    Args:
        number: the socket's file descriptor.

    Returns:
        The port it listens on.

    Raises:
        SettingError: it is no listening TCP socket.
    """
    try:
        with socket.socket(fileno=os.dup(number)) as given:
            port = int(given.getsockname()[1])
            listens = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            # circus makes its own sockets so; the workers' accept must never wait.
            given.setblocking(False)
    except (OSError, IndexError, TypeError) as error:
        raise SettingError(f"CHATBOT_LISTEN_FD={number} is no socket: {error}") from error
    if not listens:
        raise SettingError(f"CHATBOT_LISTEN_FD={number} does not listen")

    own = CircusSocket.bind_and_listen

    def take(self: Any) -> None:
        """BentoML's socket of that name becomes the given one; the runner's stays its own."""
        if self.name == API_SERVER_NAME:
            os.dup2(number, self.fileno(), inheritable=True)
        else:
            own(self)

    CircusSocket.bind_and_listen = take
    return port
