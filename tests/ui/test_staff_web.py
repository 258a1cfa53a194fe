"""Login, sessions and guard of the staff pages, without a server: requests go straight into the ASGI app."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from chatbot.settings import StaffSettings
from chatbot.store.folder import FolderStore
from ui.staff_pages import sessions, web
from ui.staff_pages.sessions import COOKIE, ForgedCookie, Sessions

TOKEN = "a token of more than twenty characters"
PAGE = {"accept": "text/html"}


def settings(**more: Any) -> StaffSettings:
    return StaffSettings(**({"token": SecretStr(TOKEN)} | more))


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def client(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """A browser in front of the guard, with a page, a file and a websocket behind it."""
    monkeypatch.setenv("CHATBOT_STORE_URL", str(store))
    monkeypatch.setattr(sessions, "open_sessions", lambda: Sessions(store, settings()))
    routes, middleware = web.parts(settings())

    async def secret(_: Request) -> PlainTextResponse:
        return PlainTextResponse("secret")

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.send_bytes(await websocket.receive_bytes())

    behind = [
        Route("/", secret),
        Route("/drift", secret),
        Route("/media/{name}", secret, methods=["GET", "PUT"]),
    ]
    app = Starlette(routes=[*routes, *behind, WebSocketRoute("/_stcore/stream", echo)], middleware=middleware)

    def browser(address: str = "10.0.0.1", scheme: str = "http") -> TestClient:
        return TestClient(app, f"{scheme}://staff.test", client=(address, 5), follow_redirects=False)

    return browser


def log_in(browser: TestClient, token: str = TOKEN, **more: str) -> Any:
    return browser.post("/login", data={"name": "Ada", "token": token} | more)


def test_nothing_behind_the_gate_is_reached_without_a_login(client: Callable[..., TestClient]) -> None:
    browser = client()
    assert browser.get("/drift", headers=PAGE).headers["location"] == "/login?next=/drift"
    assert browser.get("/media/x").status_code == 401
    assert browser.put("/media/x", content=b"x").status_code == 401
    with pytest.raises(WebSocketDisconnect), browser.websocket_connect("/_stcore/stream"):
        pass
    form = browser.get("/login?next=/drift")
    assert form.status_code == 200
    assert 'name="next" value="/drift"' in form.text


def test_a_login_opens_the_gate_until_logging_out_revokes_it_everywhere(
    client: Callable[..., TestClient], store: FolderStore
) -> None:
    browser, thief = client(), client("10.0.0.9")
    answer = log_in(browser, next="/drift")
    assert (answer.status_code, answer.headers["location"]) == (303, "/drift")
    assert browser.get("/drift").text == "secret"
    cookie = browser.cookies[COOKIE]
    thief.cookies.set(COOKIE, cookie)
    with thief.websocket_connect("/_stcore/stream") as websocket:
        websocket.send_bytes(b"1")
        assert websocket.receive_bytes() == b"1"
        Sessions(store, settings()).end(cookie)
        websocket.send_bytes(b"2")
        with pytest.raises(WebSocketDisconnect):
            websocket.receive_bytes()
    for one in (browser, thief):
        assert one.get("/drift", headers=PAGE).status_code == 303


def test_the_cookie_is_for_this_site_and_no_script(client: Callable[..., TestClient]) -> None:
    plain = log_in(client()).headers["set-cookie"].lower()
    assert "httponly" in plain
    assert "samesite=strict" in plain
    assert "secure" not in plain
    assert "secure" in log_in(client(scheme="https")).headers["set-cookie"].lower()
    browser = client()
    browser.headers["x-forwarded-proto"] = "https"
    assert "secure" in log_in(browser).headers["set-cookie"].lower()


def test_tokens_and_cookies_are_guessed_a_few_times_only_and_others_come_in_meanwhile(
    client: Callable[..., TestClient],
) -> None:
    browser = client()
    for number in range(web.MAX_ATTEMPTS):
        if number % 2:
            assert log_in(browser, f"a guess number {number}").status_code == 403
        else:
            guess = f"{secrets.token_urlsafe(32)}.{secrets.token_hex(32)}"
            assert browser.get("/drift", headers={"cookie": f"{COOKIE}={guess}"}).status_code == 401
    refused = log_in(browser)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= web.ATTEMPT_SECONDS
    assert COOKIE not in browser.cookies
    assert browser.get("/drift", headers=PAGE).status_code == 429
    other = client("10.0.0.2")
    assert log_in(other).status_code == 303
    # Whoever is logged in is not locked out by others at the same address.
    browser.cookies.set(COOKIE, other.cookies[COOKIE])
    assert browser.get("/drift").text == "secret"


def test_guesses_at_a_shared_address_do_not_lock_out_a_browser_that_has_logged_in(
    client: Callable[..., TestClient],
) -> None:
    colleague, attacker = client(), client()
    assert log_in(colleague).status_code == 303
    del colleague.cookies[COOKIE]
    for _ in range(web.MAX_ATTEMPTS):
        assert log_in(attacker, "a guess").status_code == 403
    assert log_in(attacker).status_code == 429
    attacker.cookies.set(sessions.DEVICE_COOKIE, f"{secrets.token_urlsafe(16)}.{secrets.token_hex(32)}")
    assert log_in(attacker).status_code == 429, "a forged device counts as its address"
    for _ in range(web.MAX_ATTEMPTS - 1):
        assert log_in(colleague, "a typing error").status_code == 403
    assert log_in(colleague).status_code == 303
    for _ in range(web.MAX_ATTEMPTS):
        log_in(colleague, "a typing error")
    assert log_in(colleague).status_code == 429, "a device has a limit of its own"


def test_a_session_is_new_at_each_login_whatever_cookie_the_browser_brings(
    client: Callable[..., TestClient],
) -> None:
    victim = client()
    fixed = log_in(client()).cookies[COOKIE]
    victim.cookies.set(COOKIE, fixed)
    assert log_in(victim).cookies[COOKIE] != fixed


def test_a_window_passes_and_ipv6_neighbours_count_as_one() -> None:
    now = [0.0]
    throttle = web.Throttle(lambda: now[0])
    for number in range(web.MAX_ATTEMPTS):
        throttle.fail(f"2001:db8::{number:x}")
    assert throttle.wait("2001:db8::ffff") == web.ATTEMPT_SECONDS
    assert throttle.wait("2001:db8:0:1::1") == 0
    now[0] = web.ATTEMPT_SECONDS
    assert throttle.wait("2001:db8::ffff") == 0


def test_an_old_cookie_is_not_a_guess(client: Callable[..., TestClient], store: FolderStore) -> None:
    browser = client()
    log_in(browser)
    Sessions(store, settings()).end(browser.cookies[COOKIE])
    for _ in range(2 * web.MAX_ATTEMPTS):
        assert browser.get("/drift", headers=PAGE).status_code == 303
    assert browser.get("/login").status_code == 200
    assert log_in(browser).status_code == 303


def test_sessions_outlive_a_restart_and_end_with_their_time_or_their_token(store: FolderStore) -> None:
    cookie = Sessions(store, settings()).start("Ada")
    found = Sessions(store, settings()).find(cookie)
    assert found is not None
    assert found.name == "Ada"
    assert Sessions(store, settings(token=SecretStr("another token, just as long"))).find(cookie) is None
    assert Sessions(store, settings(session_hours=1e-9)).find(
        Sessions(store, settings(session_hours=1e-9)).start("Eve")
    ) is None  # fmt: skip
    assert TOKEN not in cookie


def test_a_login_after_the_key_was_deleted_or_replaced_is_valid_at_every_replica_and_after_a_restart(
    store: FolderStore,
) -> None:
    """The process kept the key and did not store it again: after a restart its cookies seemed forged."""
    running = Sessions(store, settings())
    old = running.start("Ada")
    store.delete("staff/session-key")
    cookie = running.start("Ada")
    assert Sessions(store, settings()).find(cookie) is not None
    with pytest.raises(ForgedCookie):
        running.find(old)
    store.delete("staff/session-key")
    Sessions(store, settings()).start("Bob")
    assert Sessions(store, settings()).find(running.start("Ada")) is not None


def test_deleting_the_sessions_ends_them_all_and_no_cookie_seems_forged(store: FolderStore) -> None:
    running = Sessions(store, settings())
    cookies = [running.start(name) for name in ("Ada", "Bob")]
    for entry in [*store.list("staff/sessions/")]:
        store.delete(entry.key)
    assert [running.find(cookie) for cookie in cookies] == [None, None]


def test_the_store_does_not_hold_what_opens_a_session(store: FolderStore) -> None:
    cookie = Sessions(store, settings()).start("Ada")
    session_id = cookie.partition(".")[0]
    for entry in store.list():
        assert session_id.encode() not in entry.key.encode() + store.get(entry.key)
    for forged in (
        "",
        "x.y",
        session_id,
        f"{session_id}.",
        f"{cookie[:-1]}{'0' if cookie[-1] != '0' else '1'}",
    ):
        with pytest.raises(ForgedCookie):
            Sessions(store, settings()).find(forged)


def test_expired_sessions_are_deleted_at_the_next_login(store: FolderStore) -> None:
    short = Sessions(store, settings(session_hours=1e-9))
    short.start("Ada")
    short.start("Bob")
    assert len(list(store.list("staff/sessions/"))) == 1


@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "/login"]
)
def test_a_login_leads_to_these_pages_only(client: Callable[..., TestClient], path: str) -> None:
    assert log_in(client(), next=path).headers["location"] == "/"


def test_a_huge_form_is_not_read(client: Callable[..., TestClient]) -> None:
    assert log_in(client(), "x" * 100_000).status_code == 413


def test_what_is_typed_into_the_form_is_never_html(client: Callable[..., TestClient]) -> None:
    page = client().get('/login?next="><script>alert(1)</script>')
    assert "<script>" not in page.text


def test_a_report_is_served_in_an_origin_of_its_own_to_those_who_know_its_address(
    client: Callable[..., TestClient], store: FolderStore
) -> None:
    key = "reports/drift/2026/drift.html"
    store.put(key, b"<h1>Report</h1>" * 500_000)
    store.put("reports/drift/latest.json", b"{}")
    browser = client()
    log_in(browser)
    answer = browser.get(web.report_url(key))
    assert (answer.status_code, len(answer.content)) == (200, 7_500_000)
    assert "sandbox allow-scripts;" in answer.headers["content-security-policy"]
    assert "allow-same-origin" not in answer.headers["content-security-policy"]
    assert browser.get(f"/report/wrong/{key}").status_code == 404
    for other in ("reports/drift/latest.json", "reports/drift/../../staff/x.html", "staff/session-key"):
        assert browser.get(web.report_url(other)).status_code == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:8502", 200), ("127.0.0.1:8502", 200), ("[::1]:8502", 200), ("evil.example:8502", 421)],
)
def test_without_a_login_no_other_name_leads_to_the_pages(host: str, status: int) -> None:
    async def page(_: Request) -> PlainTextResponse:
        return PlainTextResponse("page")

    _, middleware = web.parts(StaffSettings())
    app = Starlette(routes=[Route("/", page)], middleware=middleware)
    assert TestClient(app).get("/", headers={"host": host}).status_code == status
