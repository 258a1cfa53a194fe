"""Serve the chat page on the address and port of its settings: `python -m ui`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from chatbot.settings import ChatPageSettings, SlotSettings
from ui.chat import texts
from ui.shared import startup

APP = Path(__file__).with_name("app.py")


def main() -> int:
    """Replace this process with the server.

    Returns: 1 if it cannot start; otherwise it does not return.
    """
    try:
        settings = startup.read(ChatPageSettings)
        texts.load(settings.language, startup.read(SlotSettings).values())
        startup.check_free(settings.address, settings.port)
    except (startup.StartError, texts.TextsError) as error:
        print(error, file=sys.stderr)
        return 1
    options = {"server.address": settings.address, "server.port": settings.port}
    flags = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), *flags]
    # Replaces this process, so that a signal to it reaches the server.
    os.execv(sys.executable, command)  # noqa: S606 - no shell, and nothing of it comes from outside


if __name__ == "__main__":
    sys.exit(main())
