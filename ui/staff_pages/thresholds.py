"""Draw the thresholds page: how much the bot answers at each target, what that rests on, and what would help."""

from __future__ import annotations

import streamlit as st

from ui.staff_pages import cache
from ui.staff_pages.markup import html


def show() -> None:
    """Draw the page."""
    text = "How many messages the bot answers by itself, and how many of these answers are wrong."
    st.html(html.heading("Thresholds", text))
    bundle = cache.board().bundle
    if not (bundle.manifest.target.get("targets") and bundle.manifest.target.get("curve")):
        text = "This version was trained before its table was kept. The next retraining brings one."
        st.html(html.empty("No table", text))
        return
    st.html(html.thresholds(bundle.manifest.target, bundle.version))
