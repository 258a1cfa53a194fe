"""Draw the review pages (active learning): one message at a time, by mouse or keyboard; clusters without an intent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.settings import UploadSettings
from training.review.board import BulkDecision, View
from training.review.clusters import MessageCluster
from training.review.decisions import ReviewDecision
from training.review.queue import Item, Queue, Reason
from ui.shared.templates import label
from ui.staff_pages import cache, entry, markup, new_intent
from ui.staff_pages.decided import Decided
from ui.staff_pages.intent_picker import pick_intent
from ui.staff_pages.markup import html
from ui.staff_pages.paging import on_page, show_paging

MAX_BUTTONS = 4
LEAST_CONFIDENCE = 0.01
"""Minimum confidence of an intent with its own button; the others are in the list of all intents."""

_decided = Decided("review", lambda: (i.item_id for i in cache.view().queue.items), cache.view.clear, str)


def show_queue() -> None:
    """Draw the review page: one message at a time."""
    with st.spinner("Reading the review queue…"):
        view = cache.view()
    st.html(html.heading("Review", "Messages with low confidence or negative feedback."))
    if not view.has_traffic:
        _show_no_traffic()
        return
    items = _waiting(view)
    reason = _choose_reason(view.queue, items)
    items = [item for item in items if reason is None or reason in item.reasons]
    st.html(html.progress(_decided.count, len(items)))
    _decided.show_message()
    if not items:
        _show_end(view)
        return
    _show_item(items[0])


def show_clusters() -> None:
    """Draw the clusters page: similar messages that no intent covers, each cluster decided as a whole."""
    st.html(html.heading("Clusters", "Groups of similar messages that no intent covers yet."))
    with st.spinner("Looking for similar messages…"):
        view = cache.view()
    _decided.show_message()
    if _decided.count:
        _decided.show_undo()
    waiting = {item.item_id for item in _waiting(view, skipped=True)}
    clusters = [cluster for cluster in view.clusters if any(i.item_id in waiting for i in cluster.items)]
    if not view.has_traffic:
        _show_no_traffic()
    elif not clusters:
        text = "New ones show up here when enough messages alike went to a person."
        st.html(html.empty("No clusters", text))
    for cluster in on_page(clusters, "clusters"):
        _show_cluster(cluster, [item for item in cluster.items if item.item_id in waiting])
    show_paging(len(clusters), "clusters", "clusters")


def _show_item(item: Item) -> None:
    titles, name = cache.intents(), entry.reviewer()
    strange = Reason.OUT_OF_SCOPE in item.reasons
    with st.container(key="item"):
        st.html(markup.item(item, titles))
        with st.container(key="choices", horizontal=True):
            for number, (intent, words) in enumerate(_choices(item, titles), start=1):
                st.button(
                    label(words),
                    # A key per item: the second click of a double click must not decide the next item, unseen.
                    key=f"choose-{number}-{item.item_id}",
                    # For an out-of-scope message the likeliest intent is not a recommendation.
                    type="primary" if number == 1 and (item.suggested or not strange) else "secondary",
                    shortcut=str(number),
                    on_click=_decide,
                    args=(item, intent),
                )
        pick_intent(titles, f"other-{item.item_id}", partial(_decide, item))
        with st.container(key="others", horizontal=True):
            for words, key, shortcut, act, args in (
                ("Out of scope", "scope", "o", _decide, (item, OUT_OF_SCOPE)),
                ("Nothing to learn", "reject", "x", _decide, (item, "")),
                ("Skip", "skip", "s", _decided.skipped.add, (item.item_id,)),
            ):
                st.button(words, key=f"{key}-{item.item_id}", shortcut=shortcut, on_click=act, args=args)
            _decided.show_undo()
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
            intent = pick_intent(titles, f"all-{cluster.name}")
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


def _show_no_traffic() -> None:
    minutes = max(1, round(UploadSettings().part_seconds / 60))
    text = (
        "No message has arrived yet, so there is nothing to decide. Write something on the chat page, or send "
        f"`POST /chat` to the API: a message arrives here about {minutes} minutes later, a handoff sooner. If none "
        f"arrives, the service uses another store than these pages: they read `{cache.store()}` "
        "(`CHATBOT_STORE_URL`)."
    )
    st.html(html.empty("No traffic yet", text))
    st.button("Look again", key="again", on_click=_decided.look_again)


def _show_end(view: View) -> None:
    if view.queue.decided or _decided.mine:
        st.html(html.empty("Nothing waits", "Every message in the queue is decided."))
    else:
        text = f"The bot was sure of each of the {view.queue.records:,} messages, and no customer disagreed."
        st.html(html.empty("Nothing waits", text))
    with st.container(horizontal=True):
        st.button("Look again", key="again", on_click=_decided.look_again)
        _decided.show_undo()


def _decide(item: Item, intent: str) -> None:
    """Decide on a message; an empty intent rejects it."""

    def decide() -> ReviewDecision:
        board, name = cache.board(), entry.reviewer()
        return board.correct(item, intent, name) if intent else board.reject(item, name)

    _decided.decide(item.item_id, item.message, decide, "nothing to learn")


def _made(outcome: BulkDecision, what: str) -> None:
    """Record and report several decisions made at once."""
    decided = [decision.item_id for decision in outcome.decided]
    if decided:
        _decided.mine.append(decided)
    _decided.done.update(decided, (error.decision.item_id for error in outcome.before))
    said = f"{len(outcome.decided)} message{'s' * (len(outcome.decided) != 1)}: {what}."
    if outcome.before:
        who = ", ".join(sorted({error.decision.reviewer for error in outcome.before}))
        said += f" {len(outcome.before)} had been decided by {who} and stay as they are."
    if outcome.error:
        said += f" The others wait: {outcome.error}."
    _decided.say(said)


def _waiting(view: View, skipped: bool = False) -> list[Item]:
    """Return the queue without the items decided or skipped in this session; `skipped` keeps the skipped ones."""
    passed = _decided.done if skipped else _decided.done | _decided.skipped
    return [item for item in view.queue.items if item.item_id not in passed]
