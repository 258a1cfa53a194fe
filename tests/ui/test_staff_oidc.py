"""Streamlit's own login by OpenID Connect, against a provider on this machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from playwright.sync_api import BrowserContext, expect

from tests.bento.server import free_port
from tests.ui.oidc_provider import COOKIE_SECRET, Provider
from tests.ui.staff_tools import make_store
from tools.pictures import staff_pages

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from chatbot.model.bundle import Bundle
    from tests.ui.conftest import ChatPage


FORGED: dict[str, Callable[[], dict[str, Any]]] = {
    "another issuer": lambda: {"claims": {"iss": "http://127.0.0.1:1"}},
    "another client's token": lambda: {"claims": {"aud": "another-client"}},
    "an expired token": lambda: {"claims": {"iat": 1_000_000_000, "exp": 1_000_000_600}},
    "a replayed token": lambda: {"claims": {"nonce": "of an earlier login"}},
    "a token without a signature": lambda: {"unsigned": True},
    "a token that another key signed": lambda: {
        "signed_by": RSAKey.generate_key(2048, {"kid": "test", "use": "sig"})
    },
}
"""What a login must refuse: fields of the provider, made when they are needed."""
RIGHT: dict[str, Any] = {"email": "ada@example.org", "claims": {}, "unsigned": False, "signed_by": None}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    started = Provider().start()
    yield started
    started.stop()


@pytest.fixture
def provider(running: Provider) -> Provider:
    """The provider; it answers rightly until the test changes that."""
    _change(running, RIGHT)
    return running


@pytest.fixture(scope="module")
def pages(
    running: Provider,
    serve_page: Callable[..., ChatPage],
    bundle: Bundle,
    bundle_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> ChatPage:
    """The staff pages with logins at the provider; ada@example.org may come in."""
    folder, port = tmp_path_factory.mktemp("oidc"), free_port()
    make_store(folder / "store", bundle)
    secrets = folder / "secrets.toml"
    secrets.write_text(running.secrets(f"http://127.0.0.1:{port}"))
    return serve_page(
        sys.executable, "-m", "ui.staff", port=port, CHATBOT_STAFF_PORT=str(port),
        CHATBOT_STAFF_OIDC_SECRETS=str(secrets), CHATBOT_STAFF_OIDC_ALLOWED="ada@example.org",
        CHATBOT_STORE_URL=str(folder / "store"), CHATBOT_BUNDLE=str(bundle_folder),
    )  # fmt: skip


def _change(provider: Provider, fields: Mapping[str, Any]) -> None:
    for field, value in fields.items():
        setattr(provider, field, value)


def test_a_forged_login_by_openid_connect_sets_no_cookie(pages: ChatPage, provider: Provider) -> None:
    """Without a browser: a login sets a cookie of Streamlit, which only its server can sign."""
    assert _gets_a_cookie(pages.url)
    came_in = []
    for name, forged in FORGED.items():
        _change(provider, RIGHT | forged())
        codes = len(provider.nonces)
        if _gets_a_cookie(pages.url):
            came_in.append(name)
        assert len(provider.nonces) == codes + 1, f"{name}: the login did not reach the provider"
    assert came_in == []
    _change(provider, RIGHT)
    provider.nonces["stolen"] = ""
    assert not _gets_a_cookie(pages.url, "/oauth2callback?code=stolen&state=made-up")
    away = "https://evil.example"
    answer = httpx.get(
        f"{pages.url}/auth/login", params={"provider": _button(), "next": away, "redirect_uri": away}
    )
    assert "evil.example" not in answer.headers["location"]
    assert _gets_a_cookie(pages.url)


def _button() -> str:
    """Return the token in the address of Streamlit's button, which the cookie's secret signs."""
    claims = {"provider": "default", "exp": int(time.time()) + 120}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(COOKIE_SECRET))


def _gets_a_cookie(url: str, path: str = "") -> bool:
    """Follow a login (what the button opens), or another path, to its end; return whether the answer names somebody."""
    with httpx.Client(follow_redirects=True, timeout=60) as client:
        client.get(f"{url}{path or f'/auth/login?provider={_button()}'}")
        return any(name.startswith("_streamlit_user") for name in client.cookies)


def test_by_openid_connect_those_named_come_in_and_others_do_not(
    window: BrowserContext, pages: ChatPage, provider: Provider
) -> None:
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
