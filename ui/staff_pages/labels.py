"""Draw the labels page: rows of the corpus whose label is suspect, one at a time, by mouse or keyboard."""

from __future__ import annotations

import streamlit as st

from chatbot.errors import ChatbotError
from data.decisions import LabelAction
from training.labels.findings import SuspectLabel
from training.review.decisions import AlreadyDecidedError
from training.review.labels import decide_label, label_item_id
from ui.shared.templates import label
from ui.staff_pages import cache, entry, markup
from ui.staff_pages.intent_picker import pick_intent
from ui.staff_pages.markup import html

_SAID, _DONE, _SKIPPED, _MINE = "label_said", "label_done", "label_skipped", "label_mine"


def show() -> None:
    """Draw the page."""
    st.html(
        html.heading("Labels", "Rows of the corpus that fit another intent better, the most doubtful first.")
    )
    with st.spinner("Reading the label check…"):
        queue = cache.label_queue()
    if queue.suspects is None:
        text = "`python -m data.check CORPUS --queue` fills this page, and so does every retraining."
        st.html(html.empty("No label check yet", text))
        return
    passed = _set(_DONE) | _set(_SKIPPED)
    suspects = [suspect for suspect in queue.suspects if suspect.row_hash not in passed]
    st.html(html.progress(len(_mine()), len(suspects)))
    if said := st.session_state.pop(_SAID, ""):
        st.html(html.done(said))
    if not suspects:
        st.html(
            html.empty("Nothing waits", "Every suspect label is decided; the next retraining applies it.")
        )
        _show_buttons(None)
        return
    _show_suspect(suspects[0])


def _show_suspect(suspect: SuspectLabel) -> None:
    titles = cache.intents()
    better, given = (markup.title_of(intent, titles) for intent in (suspect.better, suspect.label))
    with st.container(key="item"):
        st.html(markup.suspect(suspect, titles))
        with st.container(key="choices", horizontal=True):
            for words, key, shortcut, action, intent in (
                (f"Move to {better}", "move", "m", LabelAction.MOVE, suspect.better),
                (f"Keep {given}", "keep", "k", LabelAction.KEEP, ""),
                ("Drop the row", "drop", "d", LabelAction.DROP, ""),
            ):
                st.button(
                    label(words),
                    key=key,
                    type="primary" if key == "move" else "secondary",
                    shortcut=shortcut,
                    on_click=_decide,
                    args=(suspect, action, intent),
                    disabled=key == "move" and suspect.better not in titles,
                )
        other = pick_intent(titles, f"other-{suspect.row_hash}")
        if other:
            _decide(suspect, LabelAction.MOVE, other)
            st.rerun()
        _show_buttons(suspect)


def _show_buttons(suspect: SuspectLabel | None) -> None:
    with st.container(key="others", horizontal=True):
        if suspect is None:
            st.button("Look again", key="again", on_click=_look_again)
        else:
            st.button("Skip", key="skip", shortcut="s", on_click=_set(_SKIPPED).add, args=(suspect.row_hash,))
        st.button("Undo", key="undo", shortcut="u", on_click=_undo, disabled=not _mine())


def _decide(suspect: SuspectLabel, action: LabelAction, intent: str) -> None:
    try:
        decision = decide_label(
            cache.board().decisions, suspect, action, entry.reviewer(), intent, cache.intents()
        )
    except AlreadyDecidedError as error:
        _set(_DONE).add(suspect.row_hash)
        st.session_state[_SAID] = str(error)
        return
    except ChatbotError as error:
        st.session_state[_SAID] = str(error)
        return
    _set(_DONE).add(suspect.row_hash)
    _mine().append(suspect.row_hash)
    what = markup.title_of(decision.intent, cache.intents()) if decision.intent else "dropped"
    st.session_state[_SAID] = f"“{markup.short(suspect.message)}”: {what}."


def _undo() -> None:
    if not _mine():
        return
    row_hash = _mine().pop()
    try:
        reopened = cache.board().undo(label_item_id(row_hash), entry.reviewer())
        st.session_state[_SAID] = f"“{markup.short(reopened.message)}” waits again."
    except ChatbotError as error:
        st.session_state[_SAID] = str(error)
    _set(_DONE).discard(row_hash)
    cache.label_queue.clear()


def _look_again() -> None:
    st.session_state.pop(_SKIPPED, None)
    cache.label_queue.clear()


def _set(name: str) -> set[str]:
    found: set[str] = st.session_state.setdefault(name, set())
    return found


def _mine() -> list[str]:
    found: list[str] = st.session_state.setdefault(_MINE, [])
    return found
