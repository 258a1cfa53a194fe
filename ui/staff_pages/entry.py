"""Render login and header of the staff pages: authentication, navigation, logout."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from chatbot.settings import StaffSettings
from ui.staff_pages import login
from ui.staff_pages.login import COOKIE, LOCAL, Visit
from ui.staff_pages.markup import html

_NAME, _VISIT, _LEFT = "reviewer", "visit", "left"


def come_in(settings: StaffSettings) -> str | None:
    """Return the name of the authenticated user; None: not logged in, and the login form is shown."""
    if settings.oidc_secrets is not None:
        return _by_provider(settings)
    if settings.token.get_secret_value():
        return _by_token(settings)
    return LOCAL


def reviewer() -> str:
    """Return the name of the current user."""
    return str(st.session_state[_NAME])


def show_header(
    settings: StaffSettings, pages: Sequence[StreamlitPage], current: StreamlitPage, name: str
) -> None:
    """Draw the header: title, navigation, user name and logout button."""
    st.session_state[_NAME] = name
    with st.container(key="header", horizontal=True, vertical_alignment="center"):
        st.html(html.brand("Support staff", "Not for customers"))
        with st.container(key="nav", horizontal=True, width="content"):
            for page in pages:
                with st.container(key=f"nav-{page.url_path or 'review'}", width="content"):
                    st.page_link(page, label=page.title)
        if name != LOCAL:
            st.html(html.user(name), width="content")
            if st.button("Log out", key="logout", type="tertiary"):
                _leave(settings)
    st.html(html.current(current.url_path or "review"))


def _by_token(settings: StaffSettings) -> str | None:
    visit: Visit | None = st.session_state.get(_VISIT)
    if visit is None and not st.session_state.get(_LEFT):
        visit = login.from_cookie(settings, st.context.cookies)
    if visit is not None:
        # Validate again: the session may expire while the page is open.
        visit = login.from_cookie(settings, {COOKIE: login.to_cookie(settings, visit)})
    if visit is not None:
        st.session_state[_VISIT] = visit
        _set_cookie(login.to_cookie(settings, visit), round(settings.session_hours * 3600))
        return visit.name
    st.session_state.pop(_VISIT, None)
    if st.session_state.get(_LEFT):
        _set_cookie("", 0)
    with st.container(key="login"):
        st.html(html.heading("Support staff", "Review, handoffs, drift and versions. Not for customers."))
        with st.form("login", border=False):
            name = st.text_input(
                "Your name", max_chars=login.MAX_NAME_CHARS, help="Stands beside what you decide."
            )
            token = st.text_input("Token", type="password", autocomplete="current-password")
            sent = st.form_submit_button("Come in", type="primary")
        if sent and not login.name_of(name):
            st.html(html.notice("Who are you?", "Your name stands beside what you decide."))
        elif sent:
            visit = login.come_in(settings, token, name)
            if visit is None:
                st.html(
                    html.notice("That is not the token", "Ask whoever runs the pages: CHATBOT_STAFF_TOKEN.")
                )
            else:
                st.session_state[_VISIT] = visit
                st.session_state.pop(_LEFT, None)
                st.rerun()
    return None


def _by_provider(settings: StaffSettings) -> str | None:
    if not st.user.is_logged_in:
        with st.container(key="login"):
            st.html(html.heading("Support staff", "Review, handoffs, drift and versions. Not for customers."))
            st.button("Log in", key="oidc", type="primary", on_click=st.login)
        return None
    claims = dict(st.user.to_dict())
    if not login.is_allowed(settings, claims):
        st.html(
            html.notice(
                "You may not come in", "Ask whoever runs the pages to name you in CHATBOT_STAFF_OIDC_ALLOWED."
            )
        )
        st.button("Log in as somebody else", key="logout", on_click=st.logout)
        return None
    return login.name_of(str(claims["email"]))


def _leave(settings: StaffSettings) -> None:
    if settings.oidc_secrets is not None:
        st.logout()
        return
    st.session_state.clear()
    st.session_state[_LEFT] = True
    st.rerun()


def _set_cookie(value: str, seconds: int) -> None:
    """Set the session cookie, so that a reload needs no new login.

    `value` is created here and contains only base64, a dot and hexadecimal digits: it cannot break out of the script.
    """
    cookie = json.dumps(f"{COOKIE}={value}; Path=/; SameSite=Strict; Max-Age={seconds}")
    script = f"document.cookie = {cookie} + (location.protocol === 'https:' ? '; Secure' : '');"
    with st.container(key="script"):
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)
