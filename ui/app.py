"""Render the chat page: `streamlit run ui/app.py`, or `python -m ui`.

Layout only: what is on the page and in which order. A new message is first shown with a typing indicator, and sent
once the whole page is drawn; then the page is drawn again with the answer.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    # `streamlit run ui/app.py` adds the script's folder to the path, not the project's.
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from chatbot.settings import ChatPageSettings, SlotSettings  # noqa: E402
from ui.chat import markup, texts, views  # noqa: E402
from ui.chat.client import ApiError, ChatClient, Intent, Kind  # noqa: E402
from ui.chat.conversation import Conversation  # noqa: E402
from ui.chat.texts import Texts  # noqa: E402
from ui.shared import startup  # noqa: E402

ASSETS = Path(__file__).parent / "assets"
PRIVACY_SECTIONS = ("who", "stored", "why", "long", "others", "rights")


@st.cache_resource(show_spinner=False)
def _client(url: str, timeout: float) -> ChatClient:
    return ChatClient(url, timeout)


@st.cache_resource(show_spinner=False)
def _texts(language: str, slots: tuple[tuple[str, str], ...]) -> Texts:
    return texts.load(language, dict(slots))


@st.cache_resource(show_spinner=False)
def _asset(name: str, modified: float) -> str:
    """Return a file's text, cached by name and modification time."""
    return (ASSETS / name).read_text(encoding="utf-8")


def _style() -> None:
    css, script = (_asset(name, (ASSETS / name).stat().st_mtime) for name in ("page.css", "page.js"))
    st.html(f"<style>{css}</style>")
    with st.container(key="script"):
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


def _intents(api: ChatClient, conversation: Conversation) -> tuple[Intent, ...]:
    """Return the intents last fetched, if any; fetch them unless `away`, and set `away` if the API is unreachable."""
    if not conversation.away:
        try:
            st.session_state["intents"] = api.intents()
        except ApiError as problem:
            conversation.away = problem.kind in (Kind.AWAY, Kind.LOST)
    intents: tuple[Intent, ...] = st.session_state.get("intents", ())
    return intents


def _chat(t: Texts, settings: ChatPageSettings) -> None:
    conversation = st.session_state.setdefault("conversation", Conversation())
    api = _client(settings.api_url, settings.timeout_seconds)
    page = views.Page(t, api, conversation, _intents(api, conversation))
    with st.container(key="header", horizontal=True, vertical_alignment="center"):
        st.html(markup.header(t))
        st.button(
            markup.label(t("header.person")),
            key="person",
            on_click=conversation.say,
            args=(t("header.person"), t("person_message")),
        )
    with st.container(key="conversation"):
        st.html(markup.greeting(t))
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
        if conversation.away:
            with st.container(key="away"):
                st.fragment(views.show_away, run_every=settings.poll_seconds)(page, settings.poll_seconds / 2)
        if (returned := conversation.returned) is not None:
            key = "problem.unreadable" if returned.kind is Kind.UNREADABLE else "problem.too_long"
            if returned.limit:
                key = "problem.too_long_limit"
            if text := conversation.take_back():
                st.session_state["message"] = text
            warning = t(key, length=len(returned.message), limit=returned.limit)
            with st.container(key="returned"):
                st.html(f'<p class="hint bad" role="alert">{escape(warning)}</p>')
        st.chat_input(t("input.placeholder"), key="message", on_submit=_send, args=(conversation,))
        st.html(markup.footer(t, settings.privacy_url))
        st.html(markup.state(t, conversation.moves, conversation.focus, conversation.news))


def _send(conversation: Conversation) -> None:
    conversation.say(st.session_state["message"] or "")


def main() -> None:
    """Draw the page."""
    settings = startup.read(ChatPageSettings)
    t = _texts(settings.language, tuple(startup.read(SlotSettings).values().items()))
    st.set_page_config(page_title=t("header.name"), page_icon=str(ASSETS / "icon.svg"), layout="centered")
    _style()
    if st.query_params.get("notice") == "privacy":
        st.html(markup.privacy(t, PRIVACY_SECTIONS))
        st.html(markup.state(t))
    else:
        _chat(t, settings)


main()
