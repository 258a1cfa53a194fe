"""Draw the drift page: the drift verdict in sentences, and the report."""

from __future__ import annotations

import base64

import streamlit as st

from ui.staff_pages import cache
from ui.staff_pages.markup import html

_HEIGHT = 900
MOST_REPORT_BYTES = 6_000_000
"""Maximum size of an embedded report in bytes: a larger one exceeds a Streamlit message, and is a download only."""


def show() -> None:
    """Draw the page."""
    st.html(html.heading("Drift", "Whether what customers write has changed since the model went live."))
    found = cache.drift()
    if found is None:
        text = "Run `python -m monitoring.drift_report`, or wait for the schedule."
        st.html(html.empty("There was no drift check yet", text))
        return
    verdict, report = found
    st.html(html.drift(verdict))
    if not report:
        st.html(html.hint(f"The report {verdict.report or 'of this check'} is not in the store."))
        return
    st.download_button("Download the report", report, "drift.html", "text/html", key="report")
    if len(report) <= MOST_REPORT_BYTES:
        # A data URL has an opaque origin: the report's scripts cannot access these pages.
        st.iframe(
            "data:text/html;base64," + base64.b64encode(report).decode(), height=_HEIGHT, alt="Drift report"
        )
