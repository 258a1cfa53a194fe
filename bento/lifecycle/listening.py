"""Serve on an inherited listening socket instead of opening one.

Two servers that share one listening socket share its accept queue: while one starts and the other stops, no
connection is refused or lost. Two sockets on one port (SO_REUSEPORT) do not guarantee that.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from _bentoml_impl.server.serving import API_SERVER_NAME
from circus.sockets import CircusSocket

from chatbot.errors import SettingError


def take_over(number: int) -> int:
    """Make the server that BentoML starts next listen on a given socket (patches `CircusSocket`).

    Args:
        number: the socket's file descriptor.

    Returns:
        The port it listens on.

    Raises:
        SettingError: the descriptor is not a listening TCP socket.
    """
    try:
        with socket.socket(fileno=os.dup(number)) as given:
            port = int(given.getsockname()[1])
            listens = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            # As circus does for its own sockets: accept in the workers must not block.
            given.setblocking(False)
    except (OSError, IndexError, TypeError) as error:
        raise SettingError(f"CHATBOT_LISTEN_FD={number} is not a socket: {error}") from error
    if not listens:
        raise SettingError(f"CHATBOT_LISTEN_FD={number} does not listen")

    own = CircusSocket.bind_and_listen

    def take(self: Any) -> None:
        """Replace the API server's socket with the given one; bind the runner's as usual."""
        if self.name == API_SERVER_NAME:
            os.dup2(number, self.fileno(), inheritable=True)
        else:
            own(self)

    CircusSocket.bind_and_listen = take
    return port
