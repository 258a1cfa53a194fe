"""The staff pages in a real browser, on a real server and store: what a reviewer does all day."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import BrowserContext, Page, Route, ViewportSize, expect
from pydantic import SecretStr

from chatbot.settings import StaffSettings
from chatbot.store.folder import FolderStore
from tests.bento.server import free_port
from tests.ui.staff_tools import HOSTILE, MESSAGES, TOKEN, add_handoffs, make_store
from tools.pictures import staff_pages
from training.review.accepted import read_accepted
from training.review.decisions import DecisionKind, Decisions
from training.review.handoffs import HandoffReader
from ui.staff_pages.sessions import COOKIE, Sessions

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from chatbot.model.bundle import Bundle
    from tests.ui.conftest import ChatPage, Tab, Theme

PAGES = ("", "clusters", "labels", "handoffs", "drift", "thresholds", "versions")
THEMES: tuple[Theme, ...] = ("light", "dark")
WIDE: ViewportSize = {"width": 1000, "height": 900}
NARROW: ViewportSize = {"width": 400, "height": 800}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("staff") / "store"


@pytest.fixture(scope="module")
def pages(serve_page: Callable[..., ChatPage], folder: Path, bundle_folder: Path) -> ChatPage:
    """The staff pages with a token, as `python -m ui.staff` starts them; MLflow is away."""
    port = free_port()
    return serve_page(
        sys.executable, "-m", "ui.staff", port=port, CHATBOT_STAFF_PORT=str(port), CHATBOT_STAFF_TOKEN=TOKEN,
        CHATBOT_STAFF_REFRESH_SECONDS="0.2", CHATBOT_STORE_URL=str(folder), CHATBOT_BUNDLE=str(bundle_folder),
        MLFLOW_TRACKING_URI="http://127.0.0.1:9", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
    )  # fmt: skip


@pytest.fixture
def store(pages: ChatPage, folder: Path, bundle: Bundle) -> FolderStore:
    """Anew for each test."""
    return make_anew(folder, bundle)


def make_anew(folder: Path, bundle: Bundle, messages: Sequence[str] = MESSAGES) -> FolderStore:
    for part in folder.iterdir() if folder.exists() else ():
        if part.is_dir() and part.name != "staff":  # the sessions and their key
            shutil.rmtree(part)
    return make_store(folder, bundle, messages)


def come_in(window: BrowserContext, url: str, name: str, folder: Path) -> None:
    """The cookie of somebody who logged in."""
    cookie = Sessions(FolderStore(folder), StaffSettings(token=SecretStr(TOKEN))).start(name)
    window.clear_cookies()
    window.add_cookies([{"name": COOKIE, "value": cookie, "url": url}])


@pytest.fixture
def visit(
    window: BrowserContext, pages: ChatPage, store: FolderStore, folder: Path
) -> Iterator[Callable[..., Tab]]:
    """Opens a page of the staff pages as a reviewer who came in; closed when the test is over."""
    from tests.ui.conftest import Tab

    tabs: list[Tab] = []

    def visit(path: str = "", name: str = "Ada", theme: str = "light", **size: int) -> Tab:
        come_in(window, pages.url, name, folder)
        tab = Tab(window.new_page())
        tabs.append(tab)
        tab.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        tab.page.set_viewport_size({"width": 1000, "height": 900, **size})  # type: ignore[typeddict-item]
        tab.page.on("request", lambda request: tab.hosts.append(request.url.split("/")[2]))
        tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.page.on("dialog", lambda dialog: (tab.errors.append(dialog.message), dialog.dismiss()))
        staff_pages.open_staff(tab.page, f"{pages.url}/{path}")
        expect(tab.page.locator(".who")).to_have_text(name)
        return tab

    yield visit
    for tab in tabs:
        tab.page.close()


def message(page: Page) -> str:
    """The message that is shown to decide on."""
    return page.locator("blockquote.message").inner_text()


def press(page: Page, key: str) -> None:
    """A key, and what it does."""
    before = message(page)
    page.keyboard.press(key)
    expect(page.locator("blockquote.message")).not_to_have_text(before, timeout=15_000)
    staff_pages.settled(page)


def test_the_token_lets_in_a_reload_keeps_and_logging_out_revokes(
    window: BrowserContext, pages: ChatPage, store: FolderStore
) -> None:
    window.clear_cookies()
    page = window.new_page()
    staff_pages.open_staff(page, f"{pages.url}/drift")
    page.get_by_role("textbox", name="Your name").fill("Ada")
    page.get_by_role("textbox", name="Token").fill("a guess of more than twenty characters")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("That is not the token")
    staff_pages.log_in(page, TOKEN)
    expect(page.locator(".who")).to_have_text("Ada")
    expect(page.get_by_role("heading", level=1)).to_have_text("Drift")
    cookie = next(c for c in window.cookies() if c["name"] == COOKIE)
    assert (cookie["sameSite"], cookie["httpOnly"]) == ("Strict", True)
    assert COOKIE not in str(page.evaluate("document.cookie"))
    page.reload()
    expect(page.locator(".who")).to_have_text("Ada", timeout=15_000)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("textbox", name="Token")).to_be_visible(timeout=15_000)
    window.add_cookies([{"name": COOKIE, "value": cookie["value"], "url": pages.url}])
    page.goto(pages.url)
    expect(page.get_by_role("textbox", name="Token")).to_be_visible()
    page.close()


def test_a_reviewer_decides_by_keyboard_and_takes_back(visit: Callable[..., Tab], store: FolderStore) -> None:
    page = visit().page
    first = message(page)
    assert first == "my order"
    press(page, "1")
    (row,) = read_accepted(store)
    assert (row.message, row.intent, row.reviewer) == (first, "get_refund", "Ada")
    press(page, "u")
    assert message(page) == first
    assert read_accepted(store) == []
    press(page, "s")
    second = message(page)
    press(page, "x")
    third = message(page)
    press(page, "o")
    said = {d.message: (d.verdict, d.intent) for d in Decisions(store).read().values()}
    assert said[second] == (DecisionKind.REJECT, "")
    assert said[third] == (DecisionKind.CORRECT, "out_of_scope")
    expect(page.locator(".progress p")).to_contain_text("2 decided")


def test_a_page_whose_login_ended_says_so_and_leads_back_in(
    window: BrowserContext, visit: Callable[..., Tab], store: FolderStore
) -> None:
    page = visit().page
    offline = page.get_by_text("This page is not connected")
    expect(offline).to_be_hidden()
    cookie = next(c["value"] for c in window.cookies() if c["name"] == COOKIE)
    Sessions(store, StaffSettings(token=SecretStr(TOKEN))).end(cookie)
    page.keyboard.press("1")
    expect(offline).to_be_visible()
    page.wait_for_timeout(3_000)
    assert "streamlit" not in page.locator("body").inner_text().lower()
    page.reload()
    expect(page.get_by_role("textbox", name="Token")).to_be_visible()
    assert read_accepted(store) == []


def test_a_page_whose_buttons_come_late_is_settled_when_their_keys_work(
    window: BrowserContext, visit: Callable[..., Tab]
) -> None:
    """Streamlit fetches the code of each kind of element when it is first shown."""

    def late(route: Route) -> None:
        route.fulfill(body="await new Promise(go => setTimeout(go, 2000));" + route.fetch().text(),
                      content_type="text/javascript")  # fmt: skip

    window.route("**/static/js/Button.*.js", late)
    page = visit().page
    first = message(page)
    press(page, "1")
    window.unroute_all()
    assert message(page) != first


def test_any_intent_is_found_by_typing(visit: Callable[..., Tab], store: FolderStore) -> None:
    page = visit().page
    first = message(page)
    field = page.get_by_role("combobox", name="Another intent")
    field.fill("newsl")
    field.press("Enter")
    expect(page.locator("blockquote.message")).not_to_have_text(first, timeout=15_000)
    (row,) = read_accepted(store)
    assert (row.message, row.intent) == (first, "newsletter_subscription")


def test_the_second_of_two_reviewers_is_informed_who_decided(
    visit: Callable[..., Tab], store: FolderStore
) -> None:
    bob = visit(name="Bob").page
    ada = visit(name="Ada").page
    assert message(ada) == message(bob) == "my order"
    press(ada, "1")
    bob.bring_to_front()
    staff_pages.settled(bob)
    press(bob, "2")
    expect(bob.locator(".said")).to_contain_text("Ada decided it")
    (row,) = read_accepted(store)
    assert (row.reviewer, row.intent) == ("Ada", "get_refund")


def test_a_cluster_becomes_an_intent_with_a_reply_that_was_read_before(
    visit: Callable[..., Tab], store: FolderStore
) -> None:
    page = visit("clusters").page
    assert "mower" in page.locator(".card.cluster").first.inner_text()
    page.get_by_text("a new intent").first.click()
    dropped = page.get_by_role("checkbox").first
    name = page.get_by_role("textbox", name="Name").first
    name.fill("rent_mower")
    reply = page.get_by_role("textbox", name="Reply").first
    reply.fill("Book a mower at {mower_url}.")
    reply.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("CHATBOT_SLOT_MOWER_URL", timeout=15_000)
    reply.fill("Book a mower at {website}.")
    reply.press("Control+Enter")
    expect(page.locator(".preview")).to_contain_text("https://shop.example.com", timeout=15_000)
    page.locator("label", has=dropped).first.click()
    staff_pages.settled(page)
    left_out = page.locator("label", has=dropped).first.inner_text().strip()
    page.get_by_role("button", name="Create the intent with").click()
    expect(page.locator(".said").first).to_contain_text("new intent rent_mower", timeout=15_000)
    rows = read_accepted(store)
    assert len(rows) >= 5
    assert {(row.intent, row.reply) for row in rows} == {("rent_mower", "Book a mower at {website}.")}
    assert left_out not in {row.message for row in rows}
    assert all("mow" in row.message for row in rows)


def test_a_handoff_is_taken_and_only_after_a_question_done_by_somebody_else(
    visit: Callable[..., Tab], store: FolderStore
) -> None:
    page = visit("handoffs").page
    cards = page.locator('[class*="st-key-task-"]')
    expect(cards.first).to_contain_text("Hello! How can I help?")
    count = len(HandoffReader(store).cases())
    expect(page.get_by_text(f"Open: {count}", exact=True)).to_be_visible()
    oldest = HandoffReader(store).cases()[0].tasks[0].handoff
    expect(cards.first.locator(".talk")).to_contain_text(oldest.message)
    cards.first.get_by_role("button", name="Take it").click()
    expect(page.locator(".said")).to_contain_text("You have it", timeout=15_000)
    expect(page.get_by_text(f"Open: {count - 1}", exact=True)).to_be_visible()
    taken = [task for task in HandoffReader(store).tasks() if task.state == "taken"]
    assert [(task.work.by, task.handoff.prediction_id) for task in taken if task.work] == [
        ("Ada", oldest.prediction_id)
    ]
    other = visit("handoffs", name="Bob").page
    other.get_by_text("Taken: 1", exact=True).first.click()
    expect(other.locator(".chip.taken")).to_contain_text("Taken by Ada", timeout=15_000)
    staff_pages.settled(other)  # until then, buttons of cards that are about to go can be clicked
    other.get_by_role("button", name="Done").first.click()
    expect(other.get_by_role("alert")).to_contain_text("Ada has this conversation", timeout=15_000)
    assert not [task for task in HandoffReader(store).tasks() if task.state == "done"]
    other.get_by_role("button", name="Close it anyway").click()
    expect(other.locator(".said")).to_contain_text("Done", timeout=15_000)
    assert [task.work.by for task in HandoffReader(store).tasks() if task.work and task.state == "done"] == [
        "Bob"
    ]


def test_many_handoffs_are_counted_and_paged(visit: Callable[..., Tab], store: FolderStore) -> None:
    add_handoffs(store, 45)
    count = len(HandoffReader(store).cases())
    page = visit("handoffs").page
    expect(page.get_by_text(f"Open: {count}", exact=True)).to_be_visible()
    expect(page.locator(".st-key-paging")).to_contain_text(f"1 to 20 of {count} conversations")
    expect(page.locator('[class*="st-key-task-"]')).to_have_count(20)
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".st-key-paging")).to_contain_text(f"21 to 40 of {count}", timeout=15_000)
    expect(page.locator('[class*="st-key-task-"]')).to_have_count(20)


def test_drift_is_reported_in_sentences_with_its_model_and_red_checks_first(
    visit: Callable[..., Tab],
) -> None:
    card = visit("drift").page.locator(".card.drift")
    expect(card).to_contain_text("version 7")
    assert card.locator("h2").all_inner_texts() == ["What made it red", "What could make it red"]
    assert "it was 3 %" in card.locator(".checks li").first.inner_text()


def test_a_report_of_megabytes_is_shown_and_cannot_reach_the_pages(visit: Callable[..., Tab]) -> None:
    tab = visit("drift")
    frame = tab.page.frame_locator("iframe").first
    expect(frame.locator("h1")).to_have_text("Report", timeout=15_000)
    expect(frame.locator("p")).to_contain_text("as long as a real one")
    expect(frame.frame_locator("iframe").locator("p")).to_have_text("Drift in 3 of 9 columns")
    assert frame.locator("h1").evaluate("() => document.title") == "kept out"
    assert "taken over" not in tab.page.title()
    expect(tab.page.locator(".evidently")).to_contain_text("may say “drift” where the verdict above does not")


def test_without_mlflow_the_versions_page_says_so_and_the_others_work(visit: Callable[..., Tab]) -> None:
    page = visit("versions").page
    expect(page.get_by_role("alert")).to_contain_text("cannot be listed now", timeout=60_000)
    page.get_by_role("link", name="Review").click()
    expect(page.locator("blockquote.message")).to_be_visible(timeout=15_000)
    assert message(page) == "my order"


def test_what_a_customer_wrote_is_shown_as_it_is_and_runs_nothing(
    visit: Callable[..., Tab], folder: Path, bundle: Bundle
) -> None:
    make_anew(folder, bundle, ("my order", HOSTILE))
    tab = visit()
    while message(tab.page) != HOSTILE:
        press(tab.page, "s")
    handoffs = visit("handoffs")
    handoffs.page.wait_for_timeout(300)
    for page in (tab, handoffs):
        assert page.errors == []
        assert len(set(page.hosts)) == 1


@pytest.fixture(scope="module")
def looking_around(
    window: BrowserContext, pages: ChatPage, folder: Path, bundle: Bundle
) -> Iterator[Callable[[str], Tab]]:
    """Opens page after page in one tab; nothing is decided."""
    from tests.ui.conftest import Tab

    make_anew(folder, bundle)
    come_in(window, pages.url, "Ada", folder)
    tab = Tab(window.new_page())

    def look(path: str) -> Tab:
        tab.page.emulate_media(color_scheme="light")
        tab.page.set_viewport_size(WIDE)
        staff_pages.open_staff(tab.page, f"{pages.url}/{path}")
        expect(tab.page.locator(".who")).to_have_text("Ada")
        return tab

    yield look
    tab.page.close()


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_in_either_theme_and_a_phone_shows_the_whole_width(
    looking_around: Callable[[str], Tab], axe_script: str, path: str
) -> None:
    tab = looking_around(path)
    if path == "versions":
        expect(tab.page.get_by_role("alert")).to_be_visible(timeout=60_000)
    if path == "clusters":
        tab.page.get_by_text("a new intent").first.click()
        expect(tab.page.get_by_role("textbox", name="Reply")).to_be_visible()
    for theme in THEMES:
        tab.page.set_viewport_size(WIDE)
        tab.change_theme(theme)
        assert tab.violations(axe_script) == [], theme
        tab.page.set_viewport_size(NARROW)
        tab.page.wait_for_timeout(300)
        assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), theme


def test_axe_finds_nothing_on_the_login(window: BrowserContext, pages: ChatPage, axe_script: str) -> None:
    from tests.ui.conftest import Tab

    window.clear_cookies()
    tab = Tab(window.new_page())
    staff_pages.open_staff(tab.page, pages.url)
    assert tab.violations(axe_script) == []
    tab.page.close()
