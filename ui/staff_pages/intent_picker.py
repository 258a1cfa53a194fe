"""Draw the list of all intents, to choose one by its title."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st


def pick_intent(
    titles: Mapping[str, str], key: str, decide: Callable[[str], None] | None = None
) -> str | None:
    """Draw a list to search, sorted by title.

    Args:
        key: of the widget; a key per item, so that a choice is not carried to the next one.
        decide: called once with each choice, which is then cleared: after a failure it can be made again.
    """

    def choose() -> None:
        if decide and (intent := st.session_state[key]):
            st.session_state[key] = None
            decide(intent)

    return st.selectbox(
        "Another intent",
        sorted(titles, key=lambda intent: titles[intent].casefold()),
        index=None,
        format_func=lambda intent: titles[intent],
        placeholder="Another intent: type to search",
        label_visibility="collapsed",
        key=key,
        on_change=choose,
    )
