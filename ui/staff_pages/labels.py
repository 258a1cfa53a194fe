"""Draw the labels page: rows of the corpus whose label is suspect, one at a time, by mouse or keyboard."""

from __future__ import annotations

from functools import partial

import streamlit as st

from data.decisions import LabelAction
from training.labels.findings import SuspectLabel
from training.review.decisions import ReviewDecision
from training.review.labels import decide_label, label_item_id
from ui.shared.templates import label
from ui.staff_pages import cache, entry, markup
from ui.staff_pages.decided import Decided
from ui.staff_pages.intent_picker import pick_intent
from ui.staff_pages.markup import html

_decided = Decided(
    "labels",
    lambda: (suspect.row_hash for suspect in cache.label_queue().suspects or ()),
    cache.label_queue.clear,
    label_item_id,
)


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
    passed = _decided.done | _decided.skipped
    suspects = [suspect for suspect in queue.suspects if suspect.row_hash not in passed]
    st.html(html.progress(_decided.count, len(suspects)))
    _decided.show_message()
    if not suspects:
        if queue.decided or _decided.mine:
            text = "Every suspect label is decided; the next retraining applies the decisions."
        else:
            text = "The last label check found no suspect label."
        st.html(html.empty("Nothing waits", text))
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
                    # A key per row: the second click of a double click must not decide the next row, unseen.
                    key=f"{key}-{suspect.row_hash}",
                    type="primary" if key == "move" else "secondary",
                    shortcut=shortcut,
                    on_click=_decide,
                    args=(suspect, action, intent),
                    disabled=key == "move" and suspect.better not in titles,
                )
        pick_intent(titles, f"other-{suspect.row_hash}", partial(_decide, suspect, LabelAction.MOVE))
        _show_buttons(suspect)


def _show_buttons(suspect: SuspectLabel | None) -> None:
    with st.container(key="others", horizontal=True):
        if suspect is None:
            st.button("Look again", key="again", on_click=_decided.look_again)
        else:
            key = f"skip-{suspect.row_hash}"
            st.button("Skip", key=key, shortcut="s", on_click=_decided.skipped.add, args=(suspect.row_hash,))
        _decided.show_undo()


def _decide(suspect: SuspectLabel, action: LabelAction, intent: str) -> None:
    def decide() -> ReviewDecision:
        board, name = cache.board(), entry.reviewer()
        return decide_label(board.decisions, suspect, action, name, intent, cache.intents())

    _decided.decide(suspect.row_hash, suspect.message, decide, "dropped")
