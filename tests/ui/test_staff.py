"""The staff pages' script without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import streamlit as st
from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from chatbot.store.folder import FolderStore
from tests.ui.staff_tools import TOKEN, make_store
from ui.staff_pages import cache

if TYPE_CHECKING:
    from chatbot.model.bundle import Bundle

STAFF = Path(__file__).resolve().parents[2] / "ui" / "staff_pages" / "page.py"


@pytest.fixture
def store(tmp_path: Path, bundle: Bundle) -> FolderStore:
    return make_store(tmp_path / "store", bundle)


@pytest.fixture
def open_pages(
    store: FolderStore, tmp_path: Path, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., AppTest]]:
    """Runs the script once, at an address, with settings."""
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)
    before = config.get_option("server.address")

    def run(address: str = "127.0.0.1", **environment: str) -> AppTest:
        config.set_option("server.address", address)
        settings = {"CHATBOT_STORE_URL": str(tmp_path / "store"), "CHATBOT_BUNDLE": str(bundle_folder)}
        for name, value in (settings | environment).items():
            monkeypatch.setenv(name, value)
        cache.board.clear()
        st.cache_data.clear()
        return AppTest.from_file(STAFF, default_timeout=60).run()

    yield run
    config.set_option("server.address", before)


def html(pages: AppTest) -> str:
    return " ".join(element.proto.body for element in pages.get("html"))


def test_on_loopback_the_pages_open_without_a_login(open_pages: Callable[..., AppTest]) -> None:
    pages = open_pages()
    assert not pages.exception
    assert "my order" in html(pages)


def test_elsewhere_nothing_is_shown_without_a_login(open_pages: Callable[..., AppTest]) -> None:
    pages = open_pages("0.0.0.0")
    assert "CHATBOT_STAFF_TOKEN" in html(pages)
    assert "my order" not in html(pages)


def test_without_a_session_the_script_shows_nothing_even_if_the_gate_let_it_run(
    open_pages: Callable[..., AppTest],
) -> None:
    pages = open_pages("0.0.0.0", CHATBOT_STAFF_TOKEN=TOKEN)
    assert not pages.exception
    assert "my order" not in html(pages)
    assert 'href="/login' in html(pages)


@pytest.mark.process  # urllib3 binds a socket when it is imported
def test_without_a_store_that_answers_the_page_says_so(open_pages: Callable[..., AppTest]) -> None:
    pages = open_pages(
        CHATBOT_STORE_URL="s3://nowhere", CHATBOT_STORE_ENDPOINT="http://127.0.0.1:9", CHATBOT_STORE_ATTEMPTS="1",
        AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test",
    )  # fmt: skip
    assert not pages.exception
    assert "This does not work now" in html(pages)
