"""Serve the chat page on the address and port of its settings: `python -m ui`."""

from __future__ import annotations

import sys
from pathlib import Path

from chatbot.settings import ChatPageSettings, SlotSettings
from ui.chat import texts
from ui.shared import startup


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
    startup.run_streamlit(Path(__file__).with_name("app.py"), options)


if __name__ == "__main__":
    sys.exit(main())
