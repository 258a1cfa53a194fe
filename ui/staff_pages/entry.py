"""Render login and header of the staff pages: authentication, navigation, logout."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from chatbot.errors import ChatbotError
from chatbot.settings import StaffSettings
from ui.staff_pages import login, sessions
from ui.staff_pages.login import LOCAL
from ui.staff_pages.markup import html

_NAME = "reviewer"


class LoginExpired(ChatbotError):
    """The user must log in again."""

    status = 401
    type = "login_expired"


def authenticate(settings: StaffSettings) -> str | None:
    """Return the name of the authenticated user; None: not logged in, and the page says how."""
    if settings.oidc_secrets is not None:
        return _by_provider(settings)
    if login.is_by_token(settings):
        return _by_token()
    return LOCAL


def reviewer() -> str:
    """Return the name of the current user; a click's callback asks here, because it runs before `authenticate`.

    Raises: LoginExpired: the login by OpenID Connect is over; without a session by token no click arrives at all.
    """
    settings = StaffSettings()
    if settings.oidc_secrets is not None and not login.is_recent(settings, st.user.to_dict()):
        raise LoginExpired("Your login has expired: log in again, and repeat the click")
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
    st.html(html.offline())


def _by_token() -> str | None:
    """Return the name of this browser's session, read from the store: a session revoked elsewhere ends here too."""
    cookie = st.context.cookies.get(sessions.COOKIE)
    try:
        session = sessions.open_sessions().find(cookie) if isinstance(cookie, str) else None
    except sessions.ForgedCookie:
        session = None
    if session is None:
        st.html(html.login_link((st.context.url and urlsplit(st.context.url).path) or "/"))
    return session.name if session else None


def _by_provider(settings: StaffSettings) -> str | None:
    claims = dict(st.user.to_dict())
    if not st.user.is_logged_in or not login.is_recent(settings, claims):
        with st.container(key="login"):
            st.html(html.heading("Support staff", "Review, handoffs, drift and versions. Not for customers."))
            st.button("Log in", key="oidc", type="primary", on_click=st.login)
        return None
    if not login.is_allowed(settings, claims):
        st.html(
            html.notice(
                "You have no access",
                "Ask the operator of these pages to add you to CHATBOT_STAFF_OIDC_ALLOWED.",
            )
        )
        st.button("Log in as somebody else", key="logout", on_click=st.logout)
        return None
    return login.name_of(str(claims["email"]))


def _leave(settings: StaffSettings) -> None:
    if settings.oidc_secrets is not None:
        st.logout()
        return
    sessions.open_sessions().end(st.context.cookies[sessions.COOKIE])
    with st.container(key="script"):
        st.html("<script>location.replace('/login')</script>", unsafe_allow_javascript=True)
    st.stop()
