"""Start the staff pages: `streamlit run ui/staff.py`, or `python -m ui.staff`. Not for customers.

An ASGI app around Streamlit; the pages are `ui.staff_pages.page`. Review (active learning), clusters, handoffs, drift
report, versions and their scores.
"""

from __future__ import annotations

import sys
from pathlib import Path

from starlette.middleware import Middleware
from streamlit.config import get_option
from streamlit.starlette import App

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    # `streamlit run ui/staff.py` adds the script's folder to the path, not the project's.
    sys.path.insert(0, str(ROOT))

from chatbot.errors import SettingError  # noqa: E402
from chatbot.process import check_port_free  # noqa: E402
from chatbot.settings import StaffSettings  # noqa: E402
from ui.shared import startup  # noqa: E402
from ui.shared.server import Guard  # noqa: E402
from ui.staff_pages import login, web  # noqa: E402


def serve() -> int:
    """Replace this process with the server.

    Returns: 1 if it cannot start; otherwise it does not return.
    """
    try:
        settings = StaffSettings()
        login.check(settings, settings.address)
        check_port_free(settings.address, settings.port, "CHATBOT_STAFF_ADDRESS", "CHATBOT_STAFF_PORT")
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    options: dict[str, object] = {"server.address": settings.address, "server.port": settings.port}
    if settings.oidc_secrets is not None:
        options["secrets.files"] = settings.oidc_secrets
    startup.run_streamlit(Path(__file__), options)


if __name__ == "__main__":
    sys.exit(serve())

# What Streamlit imports; its address is known by now.
try:
    _settings = StaffSettings()
    _address = get_option("server.address")
    login.check(_settings, _address)
except SettingError as _error:
    sys.exit(str(_error))
_routes, _middleware = web.parts(_settings, _address or "")
app = App(
    ROOT / "ui" / "staff_pages" / "page.py", routes=_routes, middleware=[Middleware(Guard), *_middleware]
)
