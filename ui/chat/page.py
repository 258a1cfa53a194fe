"""Run the Streamlit script of the chat page: what is on the page and in which order.

A new message is first shown with a typing indicator, and sent once the whole page is drawn; then the page is drawn
again with the answer.
"""

from __future__ import annotations

import streamlit as st

from chatbot.settings import ApiClientSettings, ChatPageSettings, SlotSettings
from ui.chat import texts, views
from ui.chat.client import ApiError, ChatClient, FailureKind, Intent
from ui.chat.conversation import Conversation
from ui.chat.markup import html
from ui.chat.texts import Texts
from ui.shared import assets
from ui.shared.templates import label


@st.cache_resource(show_spinner=False)
def _client(url: str, timeout: float) -> ChatClient:
    return ChatClient(url, timeout, headers=ApiClientSettings().headers())


@st.cache_resource(show_spinner=False)
def _texts(language: str, slots: tuple[tuple[str, str], ...]) -> Texts:
    return texts.load(language, dict(slots))


def _intents(api: ChatClient, conversation: Conversation) -> tuple[Intent, ...]:
    """Return the intents last fetched, if any; fetch them unless `away`, and set `away` if the API is unreachable."""
    if not conversation.away:
        try:
            st.session_state["intents"] = api.intents()
        except ApiError as problem:
            conversation.away = problem.kind in (FailureKind.AWAY, FailureKind.LOST)
    intents: tuple[Intent, ...] = st.session_state.get("intents", ())
    return intents


def _chat(t: Texts, settings: ChatPageSettings) -> None:
    conversation = st.session_state.setdefault("conversation", Conversation())
    api = _client(settings.api_url, settings.timeout_seconds)
    page = views.Page(t, api, conversation, _intents(api, conversation), settings.handoff_answer)
    with st.container(key="header", horizontal=True, vertical_alignment="center"):
        st.html(html.header(t))
        st.button(
            label(t("header.person")),
            key="person",
            on_click=conversation.say,
            args=(t("header.person"), t("person_message")),
        )
    with st.container(key="conversation"):
        st.html(html.greeting(t))
        if not conversation.turns:
            views.show_starters(page, views.starters(page.intents, settings.starters.split(",")))
        for turn in conversation.turns:
            views.show_turn(page, turn)
    _bottom(page, settings)
    if conversation.waiting:
        conversation.deliver(api)
        st.rerun()


def _bottom(page: views.Page, settings: ChatPageSettings) -> None:
    t, conversation = page.t, page.conversation
    with st.bottom:
        st.html(html.offline(t("problem.offline")))
        if conversation.away:
            with st.container(key="away"):
                st.fragment(views.show_away, run_every=settings.poll_seconds)(page, settings.poll_seconds / 2)
        if (returned := conversation.returned) is not None:
            key = "problem.unreadable" if returned.kind is FailureKind.UNREADABLE else "problem.too_long"
            if returned.limit:
                key = "problem.too_long_limit"
            if text := conversation.take_back():
                st.session_state["message"] = text
            with st.container(key="returned"):
                st.html(html.warning(t(key, length=len(returned.message), limit=returned.limit)))
        st.chat_input(t("input.placeholder"), key="message", on_submit=_send, args=(conversation,))
        st.html(html.footer(t, settings.privacy_url))
        st.html(html.state(t, conversation.moves, conversation.focus, conversation.news))


def _send(conversation: Conversation) -> None:
    conversation.say(st.session_state["message"] or "")


def main() -> None:
    """Draw the page."""
    settings = ChatPageSettings()
    t = _texts(settings.language, tuple(SlotSettings().values().items()))
    st.set_page_config(page_title=t("header.name"), page_icon=assets.path("icon.svg"), layout="centered")
    assets.show_style()
    assets.show_script("page.js")
    if st.query_params.get("notice") == "privacy":
        st.html(html.privacy(t))
        st.html(html.state(t))
    else:
        _chat(t, settings)


main()
