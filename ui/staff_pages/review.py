"""Draw the review pages (active learning): one message at a time, by mouse or keyboard; clusters without an intent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.errors import ChatbotError
from training.review.board import Board, BulkDecision, View
from training.review.clusters import MessageCluster
from training.review.decisions import AlreadyDecidedError, ReviewDecision
from training.review.queue import Item, Queue, Reason
from ui.shared.templates import label
from ui.staff_pages import cache, entry, markup, new_intent
from ui.staff_pages.intent_picker import pick_intent
from ui.staff_pages.markup import html

MAX_BUTTONS = 4
LEAST_CONFIDENCE = 0.01
"""Minimum confidence of an intent with its own button; the others are in the list of all intents."""

_SAID, _DONE, _SKIPPED, _MINE = "said", "decided", "skipped", "mine"


def show_queue() -> None:
    """Draw the review page: one message at a time."""
    with st.spinner("Looking for what is worth your time…"):
        view = cache.view()
    st.html(html.heading("Review", "Messages with low confidence or negative feedback."))
    items = _waiting(view)
    reason = _choose_reason(view.queue, items)
    items = [item for item in items if reason is None or reason in item.reasons]
    st.html(html.progress(len(_mine()), len(items)))
    _say()
    if not items:
        _show_end()
        return
    _show_item(items[0])


def show_clusters() -> None:
    """Draw the clusters page: similar messages that no intent covers, each cluster decided as a whole."""
    st.html(
        html.heading(
            "Clusters",
            "Groups of similar messages that no intent covers yet.",
        )
    )
    with st.spinner("Looking for messages alike…"):
        view = cache.view()
    _say()
    waiting = {item.item_id for item in _waiting(view, skipped=True)}
    clusters = [cluster for cluster in view.clusters if any(i.item_id in waiting for i in cluster.items)]
    if not clusters:
        text = "New ones show up here when enough messages alike went to a person."
        st.html(html.empty("No clusters", text))
    for cluster in clusters:
        _show_cluster(cluster, [item for item in cluster.items if item.item_id in waiting])


def _show_item(item: Item) -> None:
    titles, board, name = cache.intents(), cache.board(), entry.reviewer()
    strange = Reason.OUT_OF_SCOPE in item.reasons
    with st.container(key="item"):
        st.html(markup.item(item, titles))
        with st.container(key="choices", horizontal=True):
            for number, (intent, words) in enumerate(_choices(item, titles), start=1):
                st.button(
                    label(words),
                    key=f"choose-{number}",
                    # For an out-of-scope message the likeliest intent is not a recommendation.
                    type="primary" if number == 1 and (item.suggested or not strange) else "secondary",
                    shortcut=str(number),
                    on_click=_decide,
                    args=(item, _correct(board, item, intent, name)),
                )
        other = pick_intent(titles, f"other-{item.item_id}")
        if other:
            _decide(item, _correct(board, item, other, name))
            st.rerun()
        with st.container(key="others", horizontal=True):
            scope = _correct(board, item, OUT_OF_SCOPE, name)
            for words, key, shortcut, act, args in (
                ("Out of scope", "scope", "o", _decide, (item, scope)),
                ("Nothing to learn", "reject", "x", _decide, (item, lambda: board.reject(item, name))),
                ("Skip", "skip", "s", _skip, (item,)),
                ("Undo", "undo", "u", _undo, (name,)),
            ):
                st.button(
                    words,
                    key=key,
                    shortcut=shortcut,
                    on_click=act,
                    args=args,
                    disabled=key == "undo" and not _mine(),
                )
        with st.expander("A new intent", key="new"):
            new_intent.show([item], item.item_id, name, _made)


def _show_cluster(cluster: MessageCluster, items: Sequence[Item]) -> None:
    titles, board, name = cache.intents(), cache.board(), entry.reviewer()
    with st.container(key=f"cluster-{cluster.name}"):
        st.html(markup.cluster(cluster, titles))
        with st.expander(f"Make {len(items)} messages a new intent"):
            chosen = new_intent.pick(items, cluster.name)
            new_intent.show(chosen, cluster.name, name, _made, suggestion=cluster.name)
        with st.expander("Or assign an existing intent"):
            intent = st.selectbox(
                "Intent",
                sorted(titles, key=lambda intent: titles[intent].casefold()),
                index=None,
                format_func=lambda intent: titles[intent],
                placeholder="Type to search",
                key=f"all-{cluster.name}",
            )
            with st.container(horizontal=True):
                if st.button("Accept all", key=f"accept-{cluster.name}", disabled=not intent) and intent:
                    _made(board.correct_all(items, intent, name), titles[intent])
                    st.rerun()
                if st.button("Nothing to learn from them", key=f"reject-{cluster.name}"):
                    _made(board.correct_all(items, "", name), "nothing to learn")
                    st.rerun()


def _choices(item: Item, titles: dict[str, str]) -> list[tuple[str, str]]:
    """Return intents and labels of the buttons: the customer's suggestion first, then the likeliest intents."""
    sure = dict(item.alternatives)
    likely = (intent for intent, confidence in item.alternatives if confidence >= LEAST_CONFIDENCE)
    names = [item.suggested, *likely]
    found = [name for name in dict.fromkeys(names) if name in titles][:MAX_BUTTONS]
    return [(name, f"{titles[name]} {sure[name]:.0%}" if name in sure else titles[name]) for name in found]


def _choose_reason(queue: Queue, items: Sequence[Item]) -> str | None:
    counts = Queue(tuple(items)).by_reason
    if len(counts) < 2:
        return None
    reason = st.pills(
        "Only",
        list(counts),
        format_func=lambda name: f"{markup.REASONS[name]} {counts[name]}",
        label_visibility="collapsed",
        key="reason",
    )
    if queue.omitted:
        st.html(html.hint(f"{queue.omitted} more are left out until these are done."))
    return reason


def _show_end() -> None:
    st.html(html.empty("Nothing waits", "Every message that was worth a look is decided."))
    with st.container(horizontal=True):
        st.button("Look again", key="again", on_click=_look_again)
        st.button(
            "Undo",
            key="undo",
            shortcut="u",
            on_click=_undo,
            args=(entry.reviewer(),),
            disabled=not _mine(),
        )


def _correct(board: Board, item: Item, intent: str, name: str) -> Callable[[], ReviewDecision]:
    return lambda: board.correct(item, intent, name)


def _decide(item: Item, decide: Callable[[], ReviewDecision]) -> None:
    try:
        decision = decide()
    except AlreadyDecidedError as error:
        _done().add(item.item_id)
        st.session_state[_SAID] = str(error)
        return
    except ChatbotError as error:
        st.session_state[_SAID] = str(error)
        return
    _done().add(item.item_id)
    _mine().append(item.item_id)
    titles = cache.intents()
    what = markup.title_of(decision.intent, titles) if decision.intent else "nothing to learn"
    st.session_state[_SAID] = f"“{markup.short(item.message)}”: {what}."


def _made(outcome: BulkDecision, what: str) -> None:
    """Record and report several decisions made at once."""
    _mine().extend(decision.item_id for decision in outcome.decided)
    _done().update(decision.item_id for decision in outcome.decided)
    _done().update(error.decision.item_id for error in outcome.before)
    said = f"{len(outcome.decided)} message{'s' * (len(outcome.decided) != 1)}: {what}."
    if outcome.before:
        who = ", ".join(sorted({error.decision.reviewer for error in outcome.before}))
        said += f" {len(outcome.before)} had been decided by {who} and stay as they are."
    st.session_state[_SAID] = said


def _skip(item: Item) -> None:
    st.session_state.setdefault(_SKIPPED, set()).add(item.item_id)


def _undo(name: str) -> None:
    if not _mine():
        return
    item_id = _mine().pop()
    try:
        reopened = cache.board().undo(item_id, name)
        st.session_state[_SAID] = f"“{markup.short(reopened.message)}” waits again."
    except ChatbotError as error:
        st.session_state[_SAID] = str(error)
    _done().discard(item_id)
    cache.view.clear()


def _look_again() -> None:
    st.session_state.pop(_SKIPPED, None)
    cache.view.clear()


def _waiting(view: View, skipped: bool = False) -> list[Item]:
    """Return the queue without the items decided or skipped in this session; `skipped` keeps the skipped ones."""
    passed = set() if skipped else st.session_state.get(_SKIPPED, set())
    return [item for item in view.queue.items if item.item_id not in _done() | passed]


def _say() -> None:
    if said := st.session_state.pop(_SAID, ""):
        st.html(html.done(said))


def _done() -> set[str]:
    found: set[str] = st.session_state.setdefault(_DONE, set())
    return found


def _mine() -> list[str]:
    found: list[str] = st.session_state.setdefault(_MINE, [])
    return found
