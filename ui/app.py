"""Start the chat page: `streamlit run ui/app.py`, or `python -m ui`. An ASGI app around Streamlit (`ui.chat.page`)."""

from __future__ import annotations

import sys
from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    # `streamlit run ui/app.py` adds the script's folder to the path, not the project's.
    sys.path.insert(0, str(ROOT))

from ui.shared.server import Guard  # noqa: E402

app = App(ROOT / "ui" / "chat" / "page.py", middleware=[Middleware(Guard)])
