"""Draw the interactive parts of the chat page: starters, turns, choices, feedback, failures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from ui.chat import markup
from ui.chat.client import ChatClient, FailureKind, Intent
from ui.chat.conversation import (
    HUMAN_INTENT,
    ContactState,
    Conversation,
    DeliveryState,
    Exchange,
    FeedbackState,
)
from ui.chat.markup import html
from ui.chat.texts import Texts
from ui.shared.templates import label

MAX_STARTERS = 4
MAX_CONTACT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Page:
    """Context of every part of the page."""

    t: Texts
    api: ChatClient
    conversation: Conversation
    intents: Sequence[Intent]
    handoff_answer: str = ""

    @property
    def titles(self) -> Mapping[str, str]:
        """Title of each intent, by name."""
        return {intent.name: intent.words for intent in self.intents}


def starters(intents: Sequence[Intent], preferred: Sequence[str]) -> list[Intent]:
    """Return the intents to begin with: the preferred ones, then one per further category; the header has a person."""
    by_name = {intent.name: intent for intent in intents if intent.name != HUMAN_INTENT}
    chosen = [by_name[name] for name in map(str.strip, preferred) if name in by_name]
    categories = {intent.category for intent in chosen}
    for intent in by_name.values():
        if intent.category not in categories:
            categories.add(intent.category)
            chosen.append(intent)
    return list({intent.name: intent for intent in chosen}.values())[:MAX_STARTERS]


def show_starters(page: Page, intents: Sequence[Intent]) -> None:
    """Draw questions as buttons; each sends its intent's title, which the bot understands in every language."""
    if not intents:
        return
    t = page.t
    with st.container(key="starters"):
        st.html(html.small_heading(t("greeting.starters")))
        with st.container(key="starter-buttons", horizontal=True):
            for index, intent in enumerate(intents):
                key = f"starters.{intent.name}"
                question = t(key) if key in t else t("starters.other", title=intent.words)
                st.button(
                    label(question),
                    key=f"starter-{index}",
                    on_click=page.conversation.say,
                    args=(question, intent.words),
                )


def show_turn(page: Page, turn: Exchange) -> None:
    """Draw a message with its answer, failure or typing indicator."""
    with st.container(key=f"turn-{turn.number}"):
        st.html(
            html.said(
                page.t,
                turn.message,
                unsent=turn.state in (DeliveryState.AWAY, DeliveryState.BUSY, DeliveryState.FAILED),
            )
        )
        if turn.state is DeliveryState.WAITING:
            st.html(html.typing(page.t))
        elif turn.answer is None:
            _show_failure(page, turn)
        else:
            st.html(markup.answered(page.t, turn.answer, page.titles, page.handoff_answer))
            if turn.answer.source == "clarify":
                _show_choices(page, turn)
            elif not turn.answer.handoff:
                _show_feedback(page, turn)
            elif turn.answer.contact_token:
                _show_contact(page, turn)


def failure_text(turn: Exchange) -> str:
    """Return the name of the text for a message without an answer: only an AWAY one is sent without a click."""
    match turn.problem:
        case FailureKind.AWAY if turn.state is DeliveryState.AWAY:
            return "away"
        case FailureKind.AWAY | FailureKind.BUSY:
            return "overrun"
        case FailureKind.LOST:
            return "lost"
    return "refused"


def show_away(page: Page, seconds: float) -> None:
    """Check every `seconds` whether the API is available again; if so, queue the pending messages."""
    if not any(turn.state is DeliveryState.AWAY for turn in page.conversation.turns):
        st.html(html.hint(page.t("problem.away_idle")))
    if page.conversation.time_to_ask(seconds) and page.api.ready():
        page.conversation.is_back()
        st.rerun()


def _show_choices(page: Page, turn: Exchange) -> None:
    answer, conversation = turn.answer, page.conversation
    if answer is None or turn.chosen or not answer.alternatives:
        return
    with st.container(key=f"choices-{turn.number}", horizontal=True):
        for alternative in answer.alternatives:
            title = alternative.title or markup.title_of(page.t, alternative.intent, page.titles)
            st.button(
                label(title),
                key=f"choice-{turn.number}-{alternative.intent}",
                on_click=conversation.choose,
                args=(turn, alternative.intent, title, page.t("person_message")),
            )
        st.button(
            label(page.t("clarify.none")),
            key=f"choice-{turn.number}-none",
            type="tertiary",
            on_click=conversation.decline,
            args=(turn, page.t("header.person"), page.t("person_message")),
        )


def _show_feedback(page: Page, turn: Exchange) -> None:
    if turn.answer is None or not turn.answer.prediction_id or markup.is_unnamed(turn.answer, page.titles):
        return
    t, conversation = page.t, page.conversation
    with st.container(key=f"feedback-{turn.number}"):
        if turn.feedback is FeedbackState.GIVEN:
            st.html(html.hint(t("feedback.thanks")))
        elif turn.feedback is FeedbackState.ASKED:
            _show_feedback_form(page, turn)
        else:
            with st.container(key=f"thumbs-{turn.number}", horizontal=True, vertical_alignment="center"):
                st.html(html.question(t("feedback.question")), width="content")
                for name, helpful in (("up", True), ("down", False)):
                    st.button(
                        label(t(f"feedback.{name}")),
                        key=f"{name}-{turn.number}",
                        icon=f":material/thumb_{name}:",
                        type="tertiary",
                        on_click=conversation.rate,
                        args=(turn, helpful, page.api),
                    )
        if turn.feedback_failed:
            st.html(html.warning(t("feedback.failed")))


def _show_feedback_form(page: Page, turn: Exchange) -> None:
    t, titles = page.t, page.titles
    st.html(html.hint(t("feedback.sorry")))
    with st.form(key=f"form-{turn.number}", enter_to_submit=False):
        intent = st.selectbox(
            t("feedback.intent"),
            sorted(titles, key=lambda name: titles[name]),
            index=None,
            format_func=lambda name: titles[name],
            placeholder=t("feedback.intent_unknown"),
            key=f"intent-{turn.number}",
        )
        comment = st.text_area(t("feedback.comment"), key=f"comment-{turn.number}", height=96, max_chars=1000)
        with st.container(horizontal=True):
            send = st.form_submit_button(label(t("feedback.send")), key=f"send-{turn.number}", type="primary")
            skip = st.form_submit_button(
                label(t("feedback.skip")), key=f"skip-{turn.number}", type="tertiary"
            )
    if skip:
        page.conversation.skip(turn)
    elif send:
        page.conversation.explain(turn, page.api, intent, comment or "")
    if skip or send:
        st.rerun()


def _show_contact(page: Page, turn: Exchange) -> None:
    """Draw the field for contact data after a handoff."""
    t = page.t
    with st.container(key=f"contact-{turn.number}"):
        if turn.contact is ContactState.GIVEN:
            st.html(html.hint(t("handoff.contact_thanks")))
            return
        with st.form(key=f"contact-form-{turn.number}", enter_to_submit=True):
            contact = st.text_input(
                t("handoff.contact"), key=f"contact-text-{turn.number}", max_chars=MAX_CONTACT_CHARS
            )
            st.html(html.hint(t("handoff.contact_why")))
            send = st.form_submit_button(label(t("handoff.contact_send")), key=f"contact-send-{turn.number}")
        if send and contact and contact.strip():
            page.conversation.leave_contact(turn, page.api, contact)
            st.rerun()
        if turn.contact is not ContactState.ASKED:
            st.html(html.warning(t(f"handoff.contact_{turn.contact}")))


def _show_failure(page: Page, turn: Exchange) -> None:
    t = page.t
    if turn.state is DeliveryState.BUSY:
        _show_countdown(page, turn)
        return
    unsent = page.conversation.unsent
    is_unsent = turn in unsent
    if is_unsent and turn is not unsent[-1]:
        # One card, at the last message, represents all.
        st.html(html.hint(t("problem.unsent")))
        return
    name = failure_text(turn)
    with st.container(key=f"problem-{turn.number}"):
        st.html(html.notice(t(f"problem.{name}_title"), t(f"problem.{name}_text")))
        st.button(
            label(t("problem.retry")),
            key=f"retry-{turn.number}",
            on_click=page.conversation.retry_unsent if is_unsent else page.conversation.retry,
            args=() if is_unsent else (turn,),
        )


@st.fragment(run_every=1.0)
def _show_countdown(page: Page, turn: Exchange) -> None:
    """Show the countdown until an overloaded API (429) accepts the message, then send it."""
    if page.conversation.is_due(turn):
        st.rerun()
    t = page.t
    st.html(html.notice(t("problem.busy_title"), t("problem.busy_text")))
    st.html(html.countdown(t("problem.busy_countdown", seconds=max(1, round(turn.due - time.monotonic())))))
