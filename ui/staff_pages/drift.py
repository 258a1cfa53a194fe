"""Draw the drift page: the drift verdict in sentences, and the report."""

from __future__ import annotations

import streamlit as st

from ui.staff_pages import cache, web
from ui.staff_pages.markup import html

_HEIGHT = 900


def show() -> None:
    """Draw the page."""
    st.html(html.heading("Drift", "Whether what customers write has changed since the model went live."))
    found = cache.drift()
    if found is None:
        text = "Run `python -m monitoring.drift_report`, or wait for the schedule."
        st.html(html.empty("There was no drift check yet", text))
        return
    verdict, has_report = found
    st.html(html.drift(verdict))
    if not has_report:
        st.html(html.hint(f"The report {verdict.report or 'of this check'} is not in the store."))
        return
    url = web.report_url(verdict.report)
    st.html(html.report(url))
    # Served, not embedded: a report of several megabytes exceeds what a data URL and a Streamlit message can hold.
    st.iframe(url, height=_HEIGHT, alt="Drift report")
