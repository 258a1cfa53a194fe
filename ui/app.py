"""Start the chat page: `streamlit run ui/app.py`, or `python -m ui`. An ASGI app around Streamlit (`ui.chat.page`)."""

from __future__ import annotations

import sys
from pathlib import Path

from starlette.middleware import Middleware
from streamlit.config import get_option
from streamlit.starlette import App

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    # `streamlit run ui/app.py` adds the script's folder to the path, not the project's.
    sys.path.insert(0, str(ROOT))

from chatbot.errors import SettingError  # noqa: E402
from chatbot.hosts import host_check  # noqa: E402
from chatbot.settings import ChatPageSettings  # noqa: E402
from ui.shared.server import Guard, HostGuard  # noqa: E402

try:
    _is_host = host_check(get_option("server.address"), ChatPageSettings().allowed_hosts)
except SettingError as _error:
    sys.exit(str(_error))
_hosts = [Middleware(HostGuard, is_host=_is_host)] if _is_host else []
app = App(ROOT / "ui" / "chat" / "page.py", middleware=[Middleware(Guard), *_hosts])
