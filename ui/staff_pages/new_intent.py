"""Draw the form that creates an intent: name, reply with a preview, and its messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from chatbot.errors import ChatbotError
from training.review.board import BulkDecision
from training.review.queue import Item
from ui.shared.templates import label
from ui.staff_pages import cache
from ui.staff_pages.markup import html

_SHOWN = 30


def pick(items: Sequence[Item], key: str) -> list[Item]:
    """Draw a cluster's messages with checkboxes; return the selected ones."""
    st.html(html.hint("Leave out what does not belong to it."))
    with st.container(key=f"pick-{key}", height=260 if len(items) > 6 else "content"):
        kept = [
            item
            for item in items[:_SHOWN]
            if st.checkbox(label(item.message), value=True, key=f"pick-{key}-{item.item_id}")
        ]
    return [*kept, *items[_SHOWN:]]


def show(
    items: Sequence[Item],
    key: str,
    reviewer: str,
    made: Callable[[BulkDecision, str], None],
    suggestion: str = "",
) -> None:
    """Draw the form.

    Args:
        made: called with the outcome and a description.
    """
    left, right = st.columns(2)
    name = left.text_input("Name", value=suggestion, placeholder="gift_card_balance", key=f"name-{key}")
    category = right.selectbox(
        "Category",
        cache.categories(),
        index=None,
        accept_new_options=True,
        placeholder="Choose or type one",
        key=f"category-{key}",
    )
    title = st.text_input(
        "Title, as customers see it among the choices",
        placeholder=name.replace("_", " ").capitalize(),
        key=f"title-{key}",
    )
    reply = st.text_area(
        "Reply",
        placeholder="You can see the balance of your gift card at {account_url}.",
        help="Slots such as {help_url} are filled from the settings; one that is not set is refused here.",
        key=f"reply-{key}",
        height=100,
    )
    if name and reply:
        try:
            preview = cache.board().preview(name.strip(), reply, category or "")
            st.html(html.preview(preview))
        except ChatbotError as error:
            st.html(html.notice("Not yet", str(error)))
    words = f"Create the intent with {len(items)} message{'s' * (len(items) != 1)}"
    if st.button(words, key=f"make-{key}", type="primary", disabled=not (items and name and reply)):
        try:
            outcome = cache.board().new_intent(items, name.strip(), reply, reviewer, category or "", title)
        except ChatbotError as error:
            st.html(html.notice("This intent cannot be created", str(error)))
            return
        cache.intents.clear()
        cache.categories.clear()
        made(outcome, f"new intent {name.strip()}")
        st.rerun()
