"""Page through a long list: every run draws and sends all that a page shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

from ui.staff_pages.markup import html

PAGE_SIZE = 20

T = TypeVar("T")


def on_page(items: Sequence[T], name: str) -> Sequence[T]:
    """Return the items of a list's current page."""
    first = _page(name, len(items)) * PAGE_SIZE
    return items[first : first + PAGE_SIZE]


def show_paging(count: int, name: str, what: str) -> None:
    """Draw the buttons that turn the pages of a list of `count` items (`what`), if it has more than one."""
    if count <= PAGE_SIZE:
        return
    page, last = _page(name, count), _last(count)
    with st.container(key="paging", horizontal=True, vertical_alignment="center"):
        st.button("Previous", key="previous", on_click=go_to, args=(name, page - 1), disabled=page == 0)
        st.button("Next", key="next", on_click=go_to, args=(name, page + 1), disabled=page == last)
        first = page * PAGE_SIZE
        words = f"{first + 1} to {min(first + PAGE_SIZE, count)} of {count} {what}"
        st.html(html.hint(words), width="content")


def go_to(name: str, page: int) -> None:
    """Turn to a page of a list, counted from 0."""
    st.session_state[f"{name}_page"] = page


def _page(name: str, count: int) -> int:
    """Return the current page, the last one if the list has become shorter."""
    return min(int(st.session_state.get(f"{name}_page", 0)), _last(count))


def _last(count: int) -> int:
    return max(0, count - 1) // PAGE_SIZE
