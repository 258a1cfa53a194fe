"""Draw the handoffs page: messages that wait for a person's answer, and their state."""

from __future__ import annotations

import streamlit as st

from chatbot.errors import ChatbotError
from training.review.handoffs import State, Task, move
from ui.staff_pages import cache, entry, markup
from ui.staff_pages.markup import html

_SHOWN = 20
_FILTERS = {"Open": ("open",), "Taken": ("taken",), "Done": ("done",), "All": ("open", "taken", "done")}
_SAID = "handoff_said"


def show() -> None:
    """Draw the page."""
    name = entry.reviewer()
    st.html(html.heading("Handoffs", "Messages that the bot gave to a person, the latest first."))
    tasks = cache.tasks()
    with st.container(key="tools", horizontal=True, vertical_alignment="center"):
        chosen = st.segmented_control(
            "Which", list(_FILTERS), default="Open", required=True, label_visibility="collapsed", key="which"
        )
        st.button("Look again", key="again", type="tertiary", on_click=cache.tasks.clear)
    if said := st.session_state.pop(_SAID, ""):
        st.html(html.done(said))
    shown = [task for task in tasks if task.state in _FILTERS[chosen or "Open"]]
    if not shown:
        st.html(
            html.empty("Nothing here", "New handoffs appear about a second after the customer's message.")
        )
    for task in shown[:_SHOWN]:
        _show_task(task, name)
    if len(shown) > _SHOWN:
        st.html(html.hint(f"{len(shown) - _SHOWN} older ones are not shown."))


def _show_task(task: Task, name: str) -> None:
    prediction_id = task.handoff.prediction_id
    with st.container(key=f"task-{prediction_id}"):
        st.html(markup.handoff(task, cache.intents()))
        steps: list[tuple[str, State]] = {
            "open": [("Take it", "taken"), ("Done", "done")],
            "taken": [("Done", "done"), ("Put it back", "open")],
            "done": [("Open it again", "open")],
        }[task.state]  # type: ignore[assignment]
        with st.container(horizontal=True):
            for number, (label, state) in enumerate(steps):
                st.button(
                    label,
                    key=f"{state}-{prediction_id}",
                    type="primary" if number == 0 and task.state == "open" else "secondary",
                    on_click=_move,
                    args=(task, state, name),
                )


def _move(task: Task, state: State, name: str) -> None:
    try:
        move(cache.board().store, task.handoff.prediction_id, state, name)
        said = {"taken": "You have it.", "done": "Done.", "open": "It is open again."}[state]
    except ChatbotError as error:
        said = str(error)
    cache.tasks.clear()
    st.session_state[_SAID] = said
