"""Draw the list of all intents, to choose one by its title."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st


def pick_intent(titles: Mapping[str, str], key: str) -> str | None:
    """Draw a list to search, sorted by title.

    Args:
        key: of the widget; a key per item, so that a choice is not carried to the next one.
    """
    return st.selectbox(
        "Another intent",
        sorted(titles, key=lambda intent: titles[intent].casefold()),
        index=None,
        format_func=lambda intent: titles[intent],
        placeholder="Another intent: type to search",
        label_visibility="collapsed",
        key=key,
    )
