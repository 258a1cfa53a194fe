"""Nobody sees the staff pages who should not."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chatbot import reread
from chatbot.errors import SettingError
from chatbot.hosts import is_loopback
from chatbot.settings import StaffSettings
from chatbot.store.folder import FolderStore
from ui.staff_pages import login
from ui.staff_pages.sessions import Sessions

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a token of more than twenty characters"


def settings(**more: Any) -> StaffSettings:
    return StaffSettings(**({"token": SecretStr(TOKEN)} | more))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "", None, "10.1.2.3", "staff.example.com"])
def test_without_a_login_only_this_machine_may_reach_the_pages(address: str | None) -> None:
    with pytest.raises(SettingError, match="CHATBOT_STAFF_TOKEN"):
        login.check(StaffSettings(), address)
    login.check(settings(), address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "127.8.9.1"])
def test_on_a_loopback_address_no_login_is_needed(address: str) -> None:
    login.check(StaffSettings(), address)
    assert is_loopback(address)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("short", "has 5 characters"),
        ("0123456789abcdef012", "has 19 characters"),
        ("hello" * 8, "4 of them different"),
        ("1" * 64, "1 of them different"),
    ],
)
def test_a_token_that_is_not_random_enough_is_refused(token: str, words: str) -> None:
    with pytest.raises(SettingError, match=f"{words}.*20 random characters or more.*openssl rand -hex 32"):
        login.check(settings(token=SecretStr(token)), "127.0.0.1")


def test_what_openssl_and_the_chart_make_is_accepted() -> None:
    for _ in range(200):
        token = secrets.token_hex(10)
        login.check(settings(token=SecretStr(token)), "0.0.0.0")
        assert login.is_token(settings(token=SecretStr(token)), token)


WEAK = {"CHATBOT_STAFF_TOKEN": "0123456789abcdef"}


@pytest.mark.process
@pytest.mark.parametrize(
    ("command", "variables", "words"),
    [
        (("ui.staff",), WEAK, "CHATBOT_STAFF_TOKEN has 16 characters"),
        (("ui.staff",), {"CHATBOT_STAFF_ADDRESS": "0.0.0.0"}, "set CHATBOT_STAFF_TOKEN"),
        (("streamlit", "run", "ui/staff.py"), WEAK, "CHATBOT_STAFF_TOKEN has 16 characters"),
        (("streamlit", "run", "ui/staff.py", "--server.address=0.0.0.0"), {}, "set CHATBOT_STAFF_TOKEN"),
    ],
)
def test_the_server_does_not_start_with_a_weak_token_or_on_every_address_without_a_login(
    tmp_path: Path, command: tuple[str, ...], variables: dict[str, str], words: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)} | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_token_is_right_and_no_other_is() -> None:
    assert login.is_token(settings(), TOKEN)
    for guess in ("", TOKEN + "x", TOKEN[:-1]):
        assert not login.is_token(settings(), guess)
    assert not login.is_token(settings(token=SecretStr("")), "")
    assert login.name_of("  Ada \n Lovelace ") == "Ada Lovelace"


def test_a_token_in_a_file_may_change_and_a_weak_or_missing_one_leaves_the_previous_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reread, "REFRESH_SECONDS", 0.0)
    file, store = tmp_path / "token", FolderStore(tmp_path / "store")
    told = StaffSettings(token_file=file)
    with pytest.raises(SettingError, match=r"CHATBOT_STAFF_TOKEN_FILE=.*cannot be read"):
        login.check(told, "0.0.0.0")
    file.write_text("hunter2\n")
    with pytest.raises(SettingError, match=r"CHATBOT_STAFF_TOKEN_FILE=.*the token has 7 characters"):
        login.check(told, "0.0.0.0")
    file.write_text(f"{TOKEN}\n")
    login.check(told, "0.0.0.0")
    assert login.is_by_token(told)
    assert login.is_token(told, TOKEN)
    sessions = Sessions(store, told)
    cookie = sessions.start("Ada")
    for content in ("hunter2", "", None):
        file.unlink() if content is None else file.write_text(content)
        assert login.is_token(told, TOKEN)
        assert sessions.find(cookie) is not None
    assert "hunter2" not in caplog.text
    assert caplog.text.count("stays in force") == 3
    file.write_text(TOKEN[::-1])
    assert login.is_token(told, TOKEN[::-1])
    assert not login.is_token(told, TOKEN)
    assert sessions.find(cookie) is None


def test_a_token_and_a_file_of_one_contradict_each_other(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with pytest.raises(SettingError, match="both set"):
        login.check(settings(token_file=tmp_path / "token"), "127.0.0.1")


def test_by_openid_connect_only_those_named_may_come_in(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.toml"
    with pytest.raises(SettingError, match="no such file"):
        login.check(StaffSettings(oidc_secrets=secrets), "0.0.0.0")
    secrets.write_text('[auth]\ncookie_secret = "a cookie secret of some length"\n')
    with pytest.raises(SettingError, match="CHATBOT_STAFF_OIDC_ALLOWED"):
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


def test_a_cookie_secret_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    staff = StaffSettings(oidc_secrets=file, oidc_allowed="@example.org")
    for text in ('[auth]\ncookie_secret = "secret"\n', "[auth]\n", "auth = 1\n", "not toml"):
        file.write_text(text)
        with pytest.raises(SettingError, match=r"CHATBOT_STAFF_OIDC_SECRETS=.*secrets\.toml"):
            login.check(staff, "0.0.0.0")
    file.write_text('[auth]\ncookie_secret = "a cookie secret of some length"\n')
    login.check(staff, "0.0.0.0")


def test_a_login_by_openid_connect_ends_with_session_hours_and_needs_its_time() -> None:
    staff = StaffSettings(session_hours=1)
    assert login.is_recent(staff, {"iat": time.time() - 3500})
    for claims in ({"iat": time.time() - 3700}, {}, {"iat": "now"}, {"iat": True}):
        assert not login.is_recent(staff, claims)


def test_a_letter_that_lower_case_turns_into_ascii_is_another_mailbox() -> None:
    staff = StaffSettings(oidc_allowed="kate@example.org")
    assert login.is_allowed(staff, {"email": "Kate@example.org", "email_verified": True})
    assert not login.is_allowed(staff, {"email": "\u212aate@example.org", "email_verified": True})
