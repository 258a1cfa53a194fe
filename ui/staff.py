"""Serve the staff pages: `streamlit run ui/staff.py`, or `python -m ui.staff`. Not for customers.

Review (active learning), clusters, handoffs, drift report, versions and their scores. They use
`training.review.board` and the store, and have their own login (`ui.staff_pages.login`).
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    # `streamlit run ui/staff.py` adds the script's folder to the path, not the project's.
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402
from streamlit import runtime  # noqa: E402

from chatbot.errors import ChatbotError  # noqa: E402
from chatbot.settings import StaffSettings  # noqa: E402
from ui.shared import startup  # noqa: E402
from ui.staff_pages import login  # noqa: E402

ASSETS = Path(__file__).parent / "assets"


def serve() -> int:
    """Replace this process with the server.

    Returns: 1 if it cannot start; otherwise it does not return.
    """
    try:
        settings = startup.read(StaffSettings)
        login.check(settings, settings.address)
        startup.check_free(settings.address, settings.port, "CHATBOT_STAFF")
    except (startup.StartError, login.LoginError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    options: dict[str, object] = {"server.address": settings.address, "server.port": settings.port}
    if settings.oidc_secrets is not None:
        options["secrets.files"] = settings.oidc_secrets
    flags = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "streamlit", "run", str(Path(__file__).resolve()), *flags]
    # Replaces this process, so that a signal to it reaches the server.
    os.execv(sys.executable, command)  # noqa: S606 - no shell, and nothing of it comes from outside


def show() -> None:
    """Draw the current page."""
    from ui.staff_pages import drift, entry, handoffs, markup, review, versions

    st.set_page_config(
        page_title="Support staff",
        page_icon=str(ASSETS / "staff.svg"),
        layout="centered",
        initial_sidebar_state="collapsed",
    )
    styles = "".join((ASSETS / name).read_text(encoding="utf-8") for name in ("page.css", "staff.css"))
    st.html(f"<style>{styles}</style>")
    try:
        settings = startup.read(StaffSettings)
        login.check(settings, st.get_option("server.address"))
    except (startup.StartError, login.LoginError) as error:
        logging.getLogger(__name__).error("%s", error)
        st.html(markup.notice("These pages are not shown", str(error)))
        st.stop()
    pages = {
        "Review": st.Page(review.show_queue, title="Review", url_path="review", default=True),
        "Clusters": st.Page(review.show_clusters, title="Clusters", url_path="clusters"),
        "Handoffs": st.Page(handoffs.show, title="Handoffs", url_path="handoffs"),
        "Drift": st.Page(drift.show, title="Drift", url_path="drift"),
        "Versions": st.Page(versions.show, title="Versions", url_path="versions"),
    }
    page = st.navigation(list(pages.values()), position="hidden")
    name = entry.come_in(settings)
    if name is None:
        return
    entry.show_header(settings, list(pages.values()), page, name)
    try:
        page.run()
    except ChatbotError as error:
        st.html(markup.notice("This does not work now", str(error)))


if runtime.exists():
    show()
elif __name__ == "__main__":
    sys.exit(serve())
