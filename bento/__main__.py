"""Start the API server: `python -m bento`, as `make run` does. All settings come from the environment."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, cast

from bento import KEEPER_PID
from bento.lifecycle import bundle_source, preflight
from chatbot.errors import ChatbotError, SettingError
from chatbot.settings import ServiceSettings, read_settings

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Serve until stopped; return 1 if the start fails, with the reason in one line."""
    if (keeper := os.environ.pop(KEEPER_PID, "")) and not stop_with_parent(int(keeper)):
        return 1
    try:
        settings = read_settings(ServiceSettings)
        port, given = settings.port, settings.listen_fd
        if given is None:
            check_free(port)
        bundle_source.pin()
    except ChatbotError as error:
        return _refuse(error)
    # BENTOML_HOME contains the metrics files of one server's processes: two servers must not share it.
    home = Path(os.environ.setdefault("BENTOML_HOME", str(Path(".cache", f"bentoml-{port}").absolute())))
    home.mkdir(parents=True, exist_ok=True)
    preflight.begin()

    # Imported late: importing BentoML takes a second or two, and reads BENTOML_HOME.
    from bentoml.exceptions import BentoMLException

    try:
        if given is not None:
            from bento.lifecycle.listening import take_over

            port = take_over(given)
        from bento.service import SupportChatbot

        cast(Any, SupportChatbot).serve_http(port=port)
    except (BentoMLException, SettingError) as error:
        return _refuse(error)
    return 0


def stop_with_parent(parent: int) -> bool:
    """Request SIGTERM on the parent's death, however it dies (prctl(2)); return False if it is dead already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    return os.getppid() == parent


def check_free(port: int) -> None:
    """Raise SettingError if the port is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 - asks whether the port is free, listens to nothing
        except OSError as error:
            raise SettingError(f"port {port} is in use: set CHATBOT_PORT") from error


def _refuse(reason: Exception) -> int:
    print(f"support-chatbot: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
