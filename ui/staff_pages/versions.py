"""Draw the versions page: registered models, their scores, and the one that serves."""

from __future__ import annotations

import streamlit as st

from chatbot.errors import ChatbotError
from chatbot.loop import desired_model
from chatbot.model.scores import MAIN, MEANINGS
from ui.staff_pages import cache
from ui.staff_pages.markup import ago, html


def show() -> None:
    """Draw the page."""
    st.html(
        html.heading("Versions", "Every model that was registered, with its scores and what the gate said.")
    )
    try:
        serves = desired_model.read(cache.store())
        if serves.model:
            st.html(html.hint(f"This machine serves {serves.name}, set {ago(serves.since)}."))
        versions = cache.versions()
    except ChatbotError as error:
        st.html(
            html.notice("The versions cannot be listed now", f"{error}. Serving continues without MLflow.")
        )
        return
    if not versions:
        text = "`python -m training.retrain --first` registers the bundle that serves as version 1."
        st.html(html.empty("No version was registered yet", text))
        return
    rows = [
        {
            "Version": version.number,
            "Alias": ", ".join(version.aliases),
            "Gate": version.verdict or "-",
            **{score: version.scores.get(score) for score in MAIN},
            "Registered": version.created,
            "Corpus": version.corpus_digest[:12],
            "Bundle": version.bundle_digest[:12],
            "Commit": version.git_commit[:12],
        }
        for version in versions
    ]
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            **{s: st.column_config.NumberColumn(format="percent", help=MEANINGS[s]) for s in MAIN},
            "Registered": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone="UTC"),
        },
    )
