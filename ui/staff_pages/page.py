"""Run the Streamlit script of the staff pages: login, header and the current page."""

from __future__ import annotations

import logging

import streamlit as st

from chatbot.errors import ChatbotError, SettingError
from chatbot.settings import StaffSettings
from ui.shared import assets
from ui.staff_pages import drift, entry, handoffs, labels, login, review, thresholds, versions
from ui.staff_pages.markup import html


def main() -> None:
    """Draw the current page."""
    st.set_page_config(
        page_title="Support staff",
        page_icon=assets.path("staff.svg"),
        layout="centered",
        initial_sidebar_state="collapsed",
    )
    assets.show_style()
    try:
        settings = StaffSettings()
        login.check(settings, st.get_option("server.address"))
    except SettingError as error:
        logging.getLogger(__name__).error("%s", error)
        st.html(html.notice("These pages are not shown", str(error)))
        st.stop()
    pages = [
        st.Page(review.show_queue, title="Review", url_path="review", default=True),
        st.Page(review.show_clusters, title="Clusters", url_path="clusters"),
        st.Page(labels.show, title="Labels", url_path="labels"),
        st.Page(handoffs.show, title="Handoffs", url_path="handoffs"),
        st.Page(drift.show, title="Drift", url_path="drift"),
        st.Page(thresholds.show, title="Thresholds", url_path="thresholds"),
        st.Page(versions.show, title="Versions", url_path="versions"),
    ]
    page = st.navigation(pages, position="hidden")
    try:
        name = entry.authenticate(settings)
        if name is not None:
            entry.show_header(settings, pages, page, name)
            page.run()
    except ChatbotError as error:
        st.html(html.notice("This does not work now", str(error)))


main()
