"""Serve the chat page on the address and port of its settings: `python -m ui`."""

from __future__ import annotations

import sys
from pathlib import Path

from chatbot.errors import SettingError
from chatbot.process import check_port_free
from chatbot.settings import ChatPageSettings, SlotSettings
from ui.chat import texts
from ui.shared import startup


def main() -> int:
    """Replace this process with the server.

    Returns: 1 if it cannot start; otherwise it does not return.
    """
    try:
        settings = ChatPageSettings()
        texts.load(settings.language, SlotSettings().values())
        check_port_free(settings.address, settings.port, "CHATBOT_UI_ADDRESS", "CHATBOT_UI_PORT")
    except SettingError as error:
        print(error, file=sys.stderr)
        return 1
    options = {"server.address": settings.address, "server.port": settings.port}
    startup.run_streamlit(Path(__file__).with_name("app.py"), options)


if __name__ == "__main__":
    sys.exit(main())
