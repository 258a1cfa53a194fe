"""The page in a real Chromium: looks, keyboard, screen readers, waiting, failing and coming back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext as Window
from playwright.sync_api import expect

from tests.ui.conftest import ROOT, ChatPage, Tab, Wire, open_tab_in
from tests.ui.fake_api import FakeApi
from tools.pictures.chat_page import ScreenshotError, chromium, settled

pytestmark = pytest.mark.process

OpenTab = Callable[..., Tab]
HOSTILE = (
    "<script>alert('script')</script><img src=x onerror=alert('img')> ![m](http://evil.example/m.png) "
    "$\\frac{a}{b}$ :smile: :red[red] **bold** [link](javascript:alert('link')) &lt;b&gt;"
)
LONG = "a word-that-is-" + "very-" * 40 + "long https://shop.example.com/" + "path/" * 30


# With the real service: one visit


@pytest.fixture(scope="module")
def real_visit(window: Window, chat_page: ChatPage) -> Iterator[Tab]:
    tab = open_tab_in(window, chat_page.url)
    yield tab
    tab.page.close()


def test_a_customer_asks_and_reads_an_answer(real_visit: Tab) -> None:
    tab = real_visit
    tab.say("I want to get a refund for my order")
    expect(tab.last.locator(".row.you")).to_contain_text("I want to get a refund for my order")
    expect(tab.last.locator(".row.bot .bubble")).to_be_visible()
    meter = tab.last.get_by_role("meter", name="How sure the assistant is")
    percent = int(meter.get_attribute("aria-valuenow") or "")
    filled, whole = meter.locator("span").bounding_box(), meter.bounding_box()
    assert filled
    assert whole
    assert abs(filled["width"] / whole["width"] - percent / 100) < 0.03
    expect(tab.last).not_to_contain_text("%")


def test_a_clarification_is_answered_by_a_click(real_visit: Tab, unclear: str) -> None:
    tab = real_visit
    tab.say(unclear)
    choices = tab.page.locator('[class*="st-key-choices-"] button')
    expect(choices.nth(2)).to_be_visible()  # three at least
    title = choices.first.inner_text()
    choices.first.click()
    expect(tab.last).to_contain_text("You chose")
    expect(tab.last.locator(".row.you")).to_contain_text(title)
    expect(choices).to_have_count(0)


def test_a_handoff_looks_like_one(real_visit: Tab) -> None:
    tab = real_visit
    tab.page.get_by_role("button", name="Talk to a person").click()
    card = tab.last.locator(".handoff")
    expect(card.get_by_role("heading", name="Passed on to our team")).to_be_visible()
    expect(card).to_contain_text("support@example.com")
    expect(card.get_by_role("link", name="+1 555 010 0199")).to_have_attribute("href", "tel:+15550100199")
    plain = tab.page.locator(".row.bot .bubble:not(.handoff)").first
    colours = [e.evaluate("e => getComputedStyle(e).backgroundColor") for e in (card, plain)]
    assert colours[0] != colours[1]


def test_what_a_customer_writes_is_never_run_or_fetched(real_visit: Tab) -> None:
    tab = real_visit
    tab.say(HOSTILE)
    expect(tab.last.locator(".row.you .verbatim")).to_have_text(HOSTILE)
    assert tab.last.locator(".row.you").locator("script, img, strong, a, .katex").count() == 0
    tab.page.wait_for_timeout(300)
    assert tab.errors == []


def test_the_page_asks_nothing_of_any_other_host(real_visit: Tab) -> None:
    tab = real_visit
    tab.say("I want to get a refund for my order")
    tab.last.locator('[class*="st-key-down-"] button').click()
    tab.last.locator("textarea").wait_for()
    tab.page.wait_for_timeout(500)
    assert set(tab.hosts) == {tab.page.url.split("/")[2]}
    assert {cookie["name"] for cookie in tab.page.context.cookies()} <= {"_streamlit_xsrf"}


def test_streamlit_run_from_the_root_serves_the_page(real_visit: Tab, chat_page: ChatPage) -> None:
    assert chat_page.process is not None
    command = str(chat_page.process.args)
    assert "streamlit" in command
    assert "'run', 'ui/app.py'" in command
    expect(real_visit.page.get_by_role("heading", level=1)).to_have_text("Example Company support")


# With an API that fails on demand: one visit, unless a test needs a new one


@pytest.fixture(scope="module")
def kept_visits() -> Iterator[list[Tab]]:
    tabs: list[Tab] = []
    yield tabs
    for tab in tabs:
        tab.page.close()


@pytest.fixture
def visit(window: Window, failing_page: ChatPage, failing: FakeApi, kept_visits: list[Tab]) -> Tab:
    """A visit that goes on from test to test, begun anew where a test left it in trouble."""
    if not kept_visits or kept_visits[-1].page.locator(".notice, .typing, .bad").count():
        kept_visits.append(open_tab_in(window, failing_page.url))
    return kept_visits[-1]


def test_customers_get_no_developers_tools(visit: Tab) -> None:
    for part in ("stToolbar", "stAppDeployButton", "stMainMenu", "stStatusWidget"):
        expect(visit.page.get_by_test_id(part)).to_have_count(0)
    assert visit.page.title() == "Example Company support"


def test_while_the_assistant_writes_the_page_shows_it(visit: Tab, failing: FakeApi) -> None:
    failing.delay = 1.0
    visit.send("where is my parcel")
    typing = visit.page.get_by_role("status").filter(has_text="The assistant is writing")
    expect(typing).to_be_visible()
    expect(visit.last.locator(".row.you")).to_contain_text("where is my parcel")
    expect(visit.last.locator(".row.bot")).to_contain_text("where your parcel is")
    expect(typing).to_have_count(0)
    assert [body["message"] for body in failing.bodies("/chat")] == ["where is my parcel"]


def test_a_message_sent_while_another_is_answered_is_neither_lost_nor_sent_twice(
    visit: Tab, failing: FakeApi
) -> None:
    failing.delay = 1.0
    answers = visit.page.locator(".understood")
    before = answers.count()
    visit.send("first: where is my parcel")
    visit.page.locator(".typing").wait_for()
    visit.send("second: where is my parcel")
    expect(answers).to_have_count(before + 2, timeout=10_000)
    messages = [body["message"] for body in failing.bodies("/chat")]
    assert messages == ["first: where is my parcel", "second: where is my parcel"]


def test_each_visit_has_a_session_of_its_own(
    visit: Tab, failing_page: ChatPage, failing: FakeApi, open_tab: OpenTab
) -> None:
    visit.say("parcel one")
    visit.say("parcel two")
    open_tab(failing_page.url).say("parcel three")
    sessions = [body["session_id"] for body in failing.bodies("/chat")]
    assert sessions[0] == sessions[1] != sessions[2]


def test_a_message_sent_while_the_api_is_unavailable_is_sent_automatically_later(
    visit: Tab, failing: FakeApi
) -> None:
    failing.stop()
    visit.send("where is my parcel")
    notice = visit.page.get_by_role("alert").filter(has_text="We cannot be reached right now")
    expect(notice).to_be_visible()
    expect(visit.page.get_by_role("button", name="Try again")).to_be_visible()
    failing.start()
    expect(visit.last.locator(".row.bot")).to_contain_text("where your parcel is", timeout=10_000)
    expect(notice).to_have_count(0)
    assert len(failing.bodies("/chat")) == 1


def test_a_busy_api_is_waited_for_and_asked_again(visit: Tab, failing: FakeApi) -> None:
    failing.fail("/chat", 429, "overloaded", Retry_After="2")
    visit.send("where is my parcel")
    expect(visit.page.get_by_role("alert")).to_contain_text("Many people are writing right now")
    expect(visit.page.locator(".countdown")).to_contain_text("Sent again in")
    assert len(failing.bodies("/chat")) == 1
    expect(visit.last.locator(".understood")).to_be_visible(timeout=10_000)
    assert len(failing.bodies("/chat")) == 2


def test_a_message_too_long_is_back_in_the_field(visit: Tab, failing: FakeApi) -> None:
    failing.fail("/chat", 422, "invalid", [{"field": "message", "problem": "too long", "limit": 4000}])
    message = "where is my parcel?\nand my *refund*?"
    visit.send(message)
    expect(visit.page.get_by_role("alert")).to_contain_text("at most 4000 can be sent")
    expect(visit.page.get_by_test_id("stChatInputTextArea")).to_have_value(message)
    visit.say("where is my parcel?")
    expect(visit.page.get_by_role("alert")).to_have_count(0)


def test_without_a_connection_the_page_says_so_in_its_own_words_and_the_answer_comes_with_the_next_one(
    failing_page: ChatPage, failing: FakeApi, wire: Wire, open_tab: OpenTab
) -> None:
    """Streamlit shows customers a dialog for developers: "restart it in your terminal: streamlit run yourscript.py"."""
    tab = open_tab(failing_page.url)
    offline = tab.page.get_by_text("The connection is lost")
    expect(offline).to_be_hidden()
    failing.delay = 1.5
    tab.send("where is my parcel")
    tab.page.locator(".typing").wait_for()
    wire.cut()
    expect(offline).to_be_visible()
    tab.page.wait_for_timeout(3_000)
    assert "streamlit" not in tab.page.locator("body").inner_text().lower()
    wire.mend()
    expect(tab.last.locator(".understood")).to_be_visible()
    expect(offline).to_be_hidden()
    assert len(failing.bodies("/chat")) == 1


def test_a_slow_answer_ends_in_words_and_a_button(visit: Tab, failing: FakeApi) -> None:
    failing.delay = 3
    visit.send("where is my parcel")
    expect(visit.page.get_by_role("alert")).to_contain_text("No answer came back", timeout=8_000)
    failing.delay = 0
    visit.page.get_by_role("button", name="Try again").click()
    expect(visit.last.locator(".understood")).to_be_visible()
    assert len(failing.bodies("/chat")) == 2


def test_a_page_opened_while_the_api_is_unavailable_recovers_automatically_in_german_too(
    failing: FakeApi, serve_page: Callable[..., ChatPage], open_tab: OpenTab, axe_script: str
) -> None:
    failing.stop()
    settings = {"CHATBOT_UI_LANGUAGE": "de", "CHATBOT_UI_POLL_SECONDS": "0.5"}
    tab = open_tab(serve_page(CHATBOT_UI_API_URL=failing.url, **settings).url)
    expect(tab.page.locator(".st-key-away")).to_contain_text("verbindet sich von selbst")
    assert tab.violations(axe_script) == []
    failing.start()
    expect(tab.page.get_by_role("button", name="Wo ist meine Bestellung?")).to_be_visible(timeout=10_000)
    expect(tab.page.locator(".st-key-away")).to_have_count(0)
    assert tab.page.evaluate("document.documentElement.lang") == "de"
    expect(tab.page.get_by_role("button", name="Nachricht senden")).to_have_count(1)
    assert tab.violations(axe_script) == []


# Keyboard, screen reader, eyesight


@pytest.mark.usefixtures("failing")
def test_a_field_that_is_made_anew_just_after_it_got_the_focus_has_it_again(
    failing_page: ChatPage, open_tab: OpenTab
) -> None:
    """Streamlit does so now and then: people who use the keyboard were left at the top of the page."""
    tab = open_tab(failing_page.url)
    page = tab.page
    tab.say("Where is my order?")
    no = page.get_by_role("button", name="No", exact=True)
    expect(no).to_be_visible()
    settled(page)
    page.evaluate(
        """() => document.addEventListener("focusin", function again({ target }) {
            if (!target.matches(".st-key-feedback-1 input")) return;
            document.removeEventListener("focusin", again);
            target.replaceWith(target.cloneNode(true));
            window.isMadeAnew = true;
        })"""
    )
    no.click()
    page.wait_for_function("() => window.isMadeAnew")
    expect(page.locator(".st-key-feedback-1 input")).to_be_focused()


def test_everything_can_be_done_with_the_keyboard(
    failing_page: ChatPage, failing: FakeApi, open_tab: OpenTab
) -> None:
    tab = open_tab(failing_page.url)
    keyboard = tab.page.keyboard

    def press(key: str) -> None:
        settled(tab.page)
        keyboard.press(key)

    def tab_to(name: str) -> None:
        # The page moves the focus when its script has finished: a Tab before that would be undone.
        settled(tab.page)
        for _ in range(25):
            if tab.focused == name:
                return
            keyboard.press("Tab")
        pytest.fail(f"the Tab key does not reach {name!r}")

    tab_to("Talk to a person")
    tab_to("Where is my order?")
    press("Enter")
    expect(tab.page.locator(".st-key-turn-1 .understood")).to_be_visible()
    expect(tab.page.get_by_test_id("stChatInputTextArea")).to_be_focused()

    keyboard.type("unclear refund")
    press("Enter")
    expect(tab.page.locator(".st-key-choices-2")).to_be_visible()
    expect(tab.page.get_by_test_id("stChatInputTextArea")).to_be_focused()
    assert tab.field == ""

    tab_to("Track a refund")
    press("Space")
    expect(tab.page.locator(".st-key-turn-3")).to_contain_text("You chose")
    expect(tab.page.get_by_test_id("stChatInputTextArea")).to_be_focused()

    tab_to("No")
    press("Enter")
    expect(tab.page.locator(".st-key-feedback-1 input")).to_be_focused()
    tab_to("What went wrong? (optional)")
    keyboard.type("too long")
    tab_to("Send feedback")
    press("Enter")
    expect(tab.page.locator(".st-key-feedback-1")).to_contain_text("Thank you")
    expect(tab.page.get_by_test_id("stChatInputTextArea")).to_be_focused()
    assert failing.bodies("/feedback")[-1]["comment"] == "too long"

    tab_to("Privacy notice (opens in a new tab)")


def test_the_order_of_the_tab_key_is_the_order_on_the_page(
    failing_page: ChatPage, failing: FakeApi, open_tab: OpenTab
) -> None:
    tab = open_tab(failing_page.url)
    tab.say("where is my parcel")
    # The page may give the focus back to its field: go around to the first link, from wherever it is.
    for _ in range(20):
        tab.page.keyboard.press("Tab")
        if tab.focused == "Skip to main content":
            break
    seen: list[str] = []
    for _ in range(12):
        tab.page.keyboard.press("Tab")
        seen.append(tab.focused)
    wanted = ["Talk to a person", "https://shop.example.com/orders", "Yes", "No", "Write your message"]
    places = [seen.index(name) for name in wanted]
    assert places == sorted(places)


def test_the_focus_can_be_seen(visit: Tab) -> None:
    visit.page.get_by_role("button", name="Talk to a person").focus()
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Shift+Tab")
    outline = str(visit.page.evaluate("getComputedStyle(document.activeElement).outline"))
    assert "3px" in outline
    assert "solid" in outline


def test_answers_are_read_out_as_they_come(visit: Tab) -> None:
    log = visit.page.get_by_role("log", name="Conversation")
    expect(log).to_have_attribute("aria-live", "polite")
    visit.say("where is my parcel")
    expect(visit.last.get_by_role("meter")).to_have_attribute("aria-valuetext", "very sure")
    expect(visit.last.locator(".row.you .visually-hidden")).to_have_text("You: ")
    assert visit.page.evaluate("document.documentElement.lang") == "en"


def test_axe_finds_nothing_in_a_whole_visit_in_either_theme(
    failing_page: ChatPage, failing: FakeApi, open_tab: OpenTab, axe_script: str
) -> None:
    tab = open_tab(failing_page.url, height=2600)
    assert tab.violations(axe_script) == [], "at the start"
    for message in ("where is my parcel", "unclear", "strange"):
        tab.say(message)
    tab.page.locator(".st-key-down-1 button").click()
    tab.page.locator(".st-key-feedback-1 textarea").wait_for()
    for theme in ("light", "dark"):
        tab.change_theme(theme)
        assert tab.violations(axe_script) == [], f"{theme}, with answers, choices, handoff and a form"
    tab.page.locator(".st-key-feedback-1 input").click()
    tab.page.get_by_role("option").first.wait_for()
    # Streamlit hangs the list into a layer outside all landmarks; the field that opens it names it.
    assert tab.violations(axe_script, but="region") == [], "with a list that is open"
    tab.page.keyboard.press("Escape")
    failing.fail("/chat", 500)
    tab.send("refused")
    tab.page.locator(".st-key-problem-4").wait_for()
    failing.fail("/chat", 429, "overloaded", Retry_After="50")
    tab.send("busy")
    tab.page.locator(".countdown").wait_for()
    failing.fail("/chat", 422, "invalid", [{"limit": 3}])
    tab.send("long")
    tab.page.locator(".st-key-returned").wait_for()
    for theme in ("dark", "light"):
        tab.change_theme(theme)
        assert tab.violations(axe_script) == [], f"{theme}, with all that can fail"
    failing.delay = 2.0
    tab.send("slow")
    tab.page.locator(".typing").wait_for()
    assert tab.violations(axe_script) == [], "while the assistant writes"


def test_the_privacy_notice_opens_beside_the_chat_and_axe_finds_nothing_in_it(
    visit: Tab, axe_script: str
) -> None:
    with visit.page.context.expect_page() as opened:
        visit.page.get_by_role("link", name="Privacy notice").click()
    notice = Tab(opened.value)
    expect(notice.page.get_by_role("heading", name="Privacy notice")).to_be_visible()
    settled(notice.page)
    assert notice.violations(axe_script) == []
    notice.page.get_by_role("link", name="Back to the chat").click()
    expect(notice.page.get_by_test_id("stChatInputTextArea")).to_be_visible()
    notice.page.close()


NARROW = {"width": 360, "height": 640}
# What is left of 1280 x 720 pixels at 200 %.
ZOOMED = {"width": 640, "height": 360}


def test_the_page_can_be_used_on_a_phone_and_at_twice_the_size(
    failing_page: ChatPage, failing: FakeApi, open_tab: OpenTab
) -> None:
    tab = open_tab(failing_page.url, theme="dark", **NARROW)
    for message in (LONG, "unclear", f"strange {LONG}"):
        tab.say(message)
    tab.page.locator(".st-key-down-1 button").click()
    tab.page.locator(".st-key-feedback-1 textarea").wait_for()
    for size in (NARROW, ZOOMED):
        tab.page.set_viewport_size(size)
        tab.page.wait_for_timeout(300)
        too_wide = tab.page.evaluate(
            """() => [...document.querySelectorAll('.stMain *')].filter(e => {
                const box = e.getBoundingClientRect();
                return box.width && box.right > window.innerWidth + 1 && !e.closest('.visually-hidden');
            }).map(e => e.outerHTML.slice(0, 120))"""
        )
        assert too_wide == [], size
        assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        for name in ("Track a refund", "Talk to a person"):
            button = tab.page.get_by_role("button", name=name, exact=True)
            button.scroll_into_view_if_needed()
            expect(button).to_be_in_viewport(ratio=0.99)
        expect(tab.page.get_by_test_id("stChatInputTextArea")).to_be_in_viewport(ratio=0.99)


def test_on_a_phone_the_way_out_begins_where_the_choices_do(
    failing_page: ChatPage, failing: FakeApi, open_tab: OpenTab
) -> None:
    tab = open_tab(failing_page.url, **NARROW)
    tab.say("unclear")
    choices = tab.page.locator('[class*="st-key-choices-"]')
    first = choices.get_by_role("button").first.bounding_box()
    way_out = choices.locator('button[kind="tertiary"] p').bounding_box()
    assert first
    assert way_out
    assert way_out["y"] > first["y"] + first["height"]
    assert abs(way_out["x"] - first["x"]) < 8


def test_the_feedback_form_is_in_view_with_the_focus_in_it(
    failing_page: ChatPage, failing: FakeApi, open_tab: OpenTab
) -> None:
    tab = open_tab(failing_page.url, height=700)
    for _ in range(3):
        tab.say("where is my parcel")
    tab.last.locator('[class*="st-key-down-"] button').click()
    field = tab.last.locator("input").first
    expect(field).to_be_focused()
    tab.page.wait_for_timeout(500)
    bottom = tab.page.get_by_test_id("stBottom").bounding_box()
    header = tab.page.locator(".st-key-header").bounding_box()
    first, send = field.bounding_box(), tab.page.get_by_role("button", name="Send feedback").bounding_box()
    assert bottom
    assert header
    assert first
    assert send
    assert header["y"] + header["height"] <= first["y"]
    assert send["y"] + send["height"] <= bottom["y"]


def test_fields_have_16_pixels_so_that_phones_do_not_zoom(visit: Tab) -> None:
    visit.say("where is my parcel")
    visit.last.locator('[class*="st-key-down-"] button').click()
    visit.last.locator("textarea").wait_for()
    sizes = visit.page.evaluate(
        "[...document.querySelectorAll('input, textarea')].map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert len(sizes) >= 3
    assert min(sizes) >= 16


def test_the_newest_answer_is_in_view_without_scrolling(visit: Tab) -> None:
    visit.page.set_viewport_size(NARROW)
    for _ in range(4):
        visit.say("where is my parcel")
    expect(visit.last.locator(".understood")).to_be_in_viewport(ratio=0.99)
    bottom = visit.page.get_by_test_id("stBottom").bounding_box()
    thumbs = visit.last.locator('[class*="st-key-thumbs-"]').bounding_box()
    assert bottom
    assert thumbs
    assert thumbs["y"] + thumbs["height"] <= bottom["y"] + 1


# Starting, and the picture


def test_a_port_in_use_is_named_in_one_line(failing: FakeApi) -> None:
    environment = {"CHATBOT_UI_PORT": str(failing.port), "PATH": "/usr/bin"}
    ended = subprocess.run(
        (sys.executable, "-m", "ui"), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stderr == f"port {failing.port} is in use: set CHATBOT_UI_PORT\n"
    assert ended.stdout == ""


def test_the_page_listens_on_loopback_by_default(failing_page: ChatPage) -> None:
    assert f"http://127.0.0.1:{failing_page.port}" in failing_page.output
    hexadecimal = f"0100007F:{failing_page.port:04X}"
    assert hexadecimal in Path("/proc/net/tcp").read_text()


def test_without_chromium_the_error_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(ScreenshotError, match="apt-get install -y chromium"):
        chromium(str(tmp_path))


@pytest.mark.needs("chromium")
def test_the_readmes_picture_is_made_of_a_real_conversation(chat_page: ChatPage, tmp_path: Path) -> None:
    out = tmp_path / "images" / "chat.png"
    command = (sys.executable, "-m", "tools.pictures.chat_page", "--url", chat_page.url, "--out", str(out))
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert out.read_bytes().startswith(b"\x89PNG")
    assert out.stat().st_size > 50_000
