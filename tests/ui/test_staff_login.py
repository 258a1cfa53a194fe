"""Nobody sees the staff pages who should not."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chatbot.settings import StaffSettings
from tests.bento.server import free_port
from ui.staff_pages import login
from ui.staff_pages.login import COOKIE, LoginError, Visit

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a token of more than sixteen characters"


def settings(**more: Any) -> StaffSettings:
    return StaffSettings(**({"token": SecretStr(TOKEN)} | more))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "", None, "10.1.2.3", "staff.example.com"])
def test_without_a_login_only_this_machine_may_reach_the_pages(address: str | None) -> None:
    with pytest.raises(LoginError, match="CHATBOT_STAFF_TOKEN"):
        login.check(StaffSettings(), address)
    login.check(settings(), address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "127.8.9.1"])
def test_on_a_loopback_address_no_login_is_needed(address: str) -> None:
    login.check(StaffSettings(), address)
    assert login.is_loopback(address)


def test_a_short_token_is_refused() -> None:
    with pytest.raises(LoginError, match="5 characters"):
        login.check(settings(token=SecretStr("short")), "127.0.0.1")


@pytest.mark.process
def test_the_server_does_not_start_where_anybody_could_come_in(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CHATBOT_STAFF_ADDRESS": "0.0.0.0"}
    environment |= {"CHATBOT_STAFF_PORT": str(free_port())}
    ended = subprocess.run(
        [sys.executable, "-m", "ui.staff"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "set CHATBOT_STAFF_TOKEN" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_token_lets_in_and_no_other_does_and_a_guess_takes_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("ui.staff_pages.login.time.sleep", slept.append)
    visit = login.come_in(settings(), TOKEN, "  Ada \n Lovelace ")
    assert visit is not None
    assert visit.name == "Ada Lovelace"
    assert visit.until == pytest.approx(time.time() + 12 * 3600, abs=60)
    assert slept == []
    for guess in ("", TOKEN + "x"):
        assert login.come_in(settings(), guess, "Eve") is None
    assert slept == [1.0, 1.0]
    assert login.come_in(settings(token=SecretStr("")), "", "Eve") is None


def test_a_cookie_counts_while_it_is_ours_in_time_and_under_this_token() -> None:
    told = settings()
    visit = Visit("Ada", time.time() + 60)
    cookie = login.to_cookie(told, visit)
    assert login.from_cookie(told, {COOKIE: cookie}) == visit
    content, _, signature = cookie.partition(".")
    forged = login.to_cookie(settings(token=SecretStr("another token, just as long")), visit)
    over = login.to_cookie(told, Visit("Ada", time.time() - 1))
    for wrong in ("", "x.y", content, f"{content}.", f"{content[:-4]}AAAA.{signature}", forged, over):
        assert login.from_cookie(told, {COOKIE: wrong}) is None
    assert login.from_cookie(StaffSettings(), {COOKIE: login.to_cookie(StaffSettings(), visit)}) is None


def test_by_openid_connect_only_those_named_may_come_in(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.toml"
    with pytest.raises(LoginError, match="no such file"):
        login.check(StaffSettings(oidc_secrets=secrets), "0.0.0.0")
    secrets.write_text("[auth]\n")
    with pytest.raises(LoginError, match="CHATBOT_STAFF_OIDC_ALLOWED"):
        login.check(StaffSettings(oidc_secrets=secrets, oidc_allowed=" , everybody"), "0.0.0.0")
    told = StaffSettings(oidc_secrets=secrets, oidc_allowed="Ada@example.org, @shop.example.com")
    login.check(told, "0.0.0.0")
    for address, may in (
        ("ada@example.org", True), ("ADA@EXAMPLE.ORG", True), ("eve@example.org", False),
        ("bob@shop.example.com", True), ("bob@evil-shop.example.com", False), ("bob@shop.example.com.evil.org", False),
        ("@shop.example.com@evil.org", False), ("", False),
    ):  # fmt: skip
        assert login.is_allowed(told, {"email": address, "email_verified": True}) is may, address
    for unverified in ({"email_verified": False}, {"email_verified": "false"}, {}):
        assert not login.is_allowed(told, {"email": "ada@example.org", **unverified})
    assert not login.is_allowed(told, {})
    trusting = told.model_copy(update={"oidc_trusts_addresses": True})
    assert login.is_allowed(trusting, {"email": "ada@example.org"})
    assert not login.is_allowed(trusting, {"email": "eve@example.org"})
