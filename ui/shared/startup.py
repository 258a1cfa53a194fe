"""Check settings and port before a page is served, and start Streamlit; fail fast with a one-line message."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, TypeVar

from pydantic_settings import BaseSettings

from chatbot.errors import SettingError
from chatbot.process import check_port_free

S = TypeVar("S", bound=BaseSettings)


class StartError(Exception):
    """The page cannot start; the message says why in one line."""


def read(kind: type[S]) -> S:
    """Read settings from the environment.

    Raises: StartError: a variable has an invalid value; the message names both.
    """
    try:
        return kind()
    except SettingError as error:
        raise StartError(str(error)) from None


def check_free(address: str, port: int, prefix: str = "CHATBOT_UI") -> None:
    """Check that a page can listen on an address and port, which the variables with this prefix set.

    Raises: StartError: the port is in use or privileged, or this machine does not have the address.
    """
    try:
        check_port_free(address, port, f"{prefix}_ADDRESS", f"{prefix}_PORT")
    except SettingError as error:
        raise StartError(str(error)) from None


def run_streamlit(script: Path, options: Mapping[str, object]) -> NoReturn:
    """Replace this process with `streamlit run`, so that a signal to it reaches the server."""
    # No proxy is trusted unless the operator names it: uvicorn would believe any process of this machine.
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    flags = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "streamlit", "run", str(script.resolve()), *flags]
    os.execv(sys.executable, command)  # noqa: S606 - no shell, and nothing of it comes from outside
