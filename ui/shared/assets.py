"""Put the style sheet and scripts of `ui/assets` on a page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).resolve().parents[1] / "assets"


def path(name: str) -> str:
    """Return a file's path."""
    return str(FOLDER / name)


def show_style() -> None:
    """Put the style sheet on the page."""
    st.html(f"<style>{read('style.css')}</style>")


def show_script(name: str) -> None:
    """Run a script of the project on the page."""
    with st.container(key="script"):
        st.html(f"<script>{read(name)}</script>", unsafe_allow_javascript=True)


def read(name: str) -> str:
    """Return a file's text."""
    return (FOLDER / name).read_text(encoding="utf-8")
