"""`python -m ui`: the chat page on the address and port of its settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from chatbot.settings import ChatPageSettings, SlotSettings
from ui import start, texts

APP = Path(__file__).with_name("app.py")


def main() -> int:
    """Become the server.

    Returns: 1 where it cannot start; else never.
    """
    try:
        settings = start.read(ChatPageSettings)
        texts.load(settings.language, start.read(SlotSettings).values())
        start.check_free(settings.address, settings.port)
    except (start.StartError, texts.TextsError) as error:
        print(error, file=sys.stderr)
        return 1
    options = {"server.address": settings.address, "server.port": settings.port}
    flags = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), *flags]
    # In place of this process, so that whoever stops it stops the server.
    os.execv(sys.executable, command)  # noqa: S606 - no shell, and nothing of it comes from outside


if __name__ == "__main__":
    sys.exit(main())
