"""Draw the handoffs page: conversations that wait for a person's answer, and their state."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from chatbot import ids
from chatbot.errors import ChatbotError
from training.review.handoffs import DONE_DAYS, HandoffCase, State, move
from ui.shared.templates import label
from ui.staff_pages import cache, entry, markup
from ui.staff_pages.markup import html
from ui.staff_pages.paging import go_to, on_page, show_paging

_TITLES: dict[State, str] = {"open": "Open", "taken": "Taken", "done": f"Done in {DONE_DAYS} days"}
_LIST, _FIND, _SAID, _CONFIRM = "handoffs", "find", "handoff_said", "handoff_confirm"
_STEPS: dict[State, list[tuple[str, State]]] = {
    "open": [("Take it", "taken"), ("Done", "done")],
    "taken": [("Done", "done"), ("Put it back", "open")],
    "done": [("Open it again", "open")],
}
_ANOTHERS: list[tuple[str, State]] = [("Take it over", "taken"), ("Done", "done")]


def show() -> None:
    """Draw the page."""
    name = entry.reviewer()
    st.html(html.heading("Handoffs", "Conversations that the bot gave to a person, the oldest first."))
    wanted = str(st.session_state.get(_FIND, "")).strip()
    with st.spinner("Reading the handoffs…"):
        cases = cache.cases()
        if wanted and not any(case.has(wanted) for case in cases):
            cache.cases.clear()  # it may be newer than what the cache holds
            cases = cache.cases()
    counts = Counter(case.state for case in cases)
    with st.container(key="tools", horizontal=True, vertical_alignment="center"):
        state = st.segmented_control(
            "Which",
            list(_TITLES),
            default="open",
            required=True,
            format_func=lambda state: f"{_TITLES[state]}: {counts[state]}",
            label_visibility="collapsed",
            key="which",
            on_change=go_to,
            args=(_LIST, 0),
        )
        st.text_input(
            "Find a reference or contact data",
            placeholder="Find a reference or contact data",
            label_visibility="collapsed",
            width=300,
            key=_FIND,
            on_change=go_to,
            args=(_LIST, 0),
        )
        st.button("Look again", key="again", type="tertiary", on_click=cache.cases.clear)
    if said := st.session_state.pop(_SAID, ""):
        st.html(html.done(said))
    shown = [case for case in cases if (case.has(wanted) if wanted else case.state == state)]
    if wanted and not shown:
        text = (
            f"It was erased, or done more than {DONE_DAYS} days ago; or the customer has only just written: press "
            f"“Look again”. A reference has {ids.LENGTH} characters."
        )
        st.html(html.empty("No conversation has this", text))
    elif not shown:
        text = "A handoff arrives about a second after the customer's message: press “Look again”."
        if not cases:
            text += " To see one, write “I want to talk to a human” on the chat page."
        st.html(html.empty("Nothing here" if cases else "No handoffs yet", text))
    for case in on_page(shown, _LIST):
        _show_case(case, name)
    show_paging(len(shown), _LIST, "conversations")


def _show_case(case: HandoffCase, name: str) -> None:
    is_anothers = case.state == "taken" and case.by != name
    asked: State | None = st.session_state.get(_CONFIRM, {}).get(case.case_id)
    with st.container(key=f"task-{case.case_id}"):
        st.html(markup.handoff(case))
        if is_anothers and asked:
            st.html(html.notice(f"{case.by} has this conversation", "Ask them first, if you can."))
        with st.container(horizontal=True):
            if is_anothers and asked:
                words = {"done": "Close it anyway", "taken": "Take it over anyway", "open": ""}[asked]
                args = (case, asked, case.by)
                st.button(words, key=f"sure-{case.case_id}", type="primary", on_click=_move, args=args)
                words = label(f"Leave it with {case.by}")
                st.button(words, key=f"leave-{case.case_id}", on_click=_ask, args=(case, None))
                return
            for number, (words, state) in enumerate(_ANOTHERS if is_anothers else _STEPS[case.state]):
                st.button(
                    words,
                    key=f"{state}-{case.case_id}",
                    type="primary" if number == 0 and case.state == "open" else "secondary",
                    on_click=_ask if is_anothers else _move,
                    args=(case, state),
                )


def _ask(case: HandoffCase, state: State | None) -> None:
    """Ask for confirmation before another person's conversation is changed; None: do not ask again."""
    st.session_state[_CONFIRM] = {case.case_id: state}


def _move(case: HandoffCase, state: State, instead_of: str = "") -> None:
    st.session_state.pop(_CONFIRM, None)
    # Those that a colleague finished stay theirs while others wait.
    waiting = [task for task in case.tasks if task.state != "done"] or case.tasks
    try:
        name = entry.reviewer()
        for task in waiting:
            if task.state != state or (task.work and task.work.by != name):
                move(cache.store(), task.handoff.prediction_id, state, name, instead_of)
        said = {"taken": "You have it.", "done": "Done.", "open": "It is open again."}[state]
    except ChatbotError as error:
        said = str(error)
    cache.cases.clear()
    st.session_state[_SAID] = said
