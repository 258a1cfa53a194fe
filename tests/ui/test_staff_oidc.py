"""Streamlit's own login by OpenID Connect, against a provider on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.bento.server import free_port
from tests.ui.oidc_provider import Provider
from tests.ui.staff_tools import make_store
from tools.pictures import staff_pages

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from chatbot.model.bundle import Bundle
    from tests.ui.conftest import ChatPage


def test_by_openid_connect_those_named_come_in_and_others_do_not(
    window: BrowserContext,
    serve_page: Callable[..., ChatPage],
    tmp_path: Path,
    bundle: Bundle,
    bundle_folder: Path,
) -> None:
    provider = Provider().start()
    make_store(tmp_path / "store", bundle)
    port = free_port()
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(provider.secrets(f"http://127.0.0.1:{port}"))
    pages = serve_page(
        sys.executable, "-m", "ui.staff", port=port, CHATBOT_STAFF_PORT=str(port),
        CHATBOT_STAFF_OIDC_SECRETS=str(secrets), CHATBOT_STAFF_OIDC_ALLOWED="ada@example.org",
        CHATBOT_STORE_URL=str(tmp_path / "store"), CHATBOT_BUNDLE=str(bundle_folder),
    )  # fmt: skip
    window.clear_cookies()
    page = window.new_page()
    try:
        staff_pages.open_staff(page, pages.url)
        assert not page.locator("blockquote.message, .st-key-nav").count()
        page.get_by_role("button", name="Log in").click()
        expect(page.locator(".who")).to_have_text("ada@example.org", timeout=20_000)
        expect(page.locator("blockquote.message")).to_be_visible(timeout=20_000)
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=20_000)
        provider.email = "eve@example.org"
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("You have no access", timeout=20_000)
        assert not page.locator("blockquote.message, .st-key-nav").count()
    finally:
        page.close()
        provider.stop()
