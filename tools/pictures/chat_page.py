"""Take the README's screenshot of the chat page: a real conversation in a real browser.

    python -m tools.pictures.chat_page [--url http://127.0.0.1:8501] [--out docs/images/chat.png]

Requires the running page and API (`make screenshot` starts them), and Chromium.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from chatbot.errors import ChatbotError
from chatbot.settings import ChatPageSettings
from data.commands import command

OUT = Path("docs/images/chat.png")
WIDTH, SHORTEST, TALLEST = 840, 640, 1600
WAIT_MS = 20_000

CLEAR = (
    "i want my money back, the shoes don't fit",
    "where is my parcel?",
    "how can I pay?",
    "I want a refund",
)
UNCLEAR = ("my order", "my account", "refund", "payment", "invoice", "address", "delivery", "bill")
HANDOFF = "thanks. now let me talk to a human please"

_UNFINISHED = ".typing, [data-testid=stSkeleton]"
_CHOICES = '[class*="st-key-choices-"]'
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class ScreenshotError(ChatbotError):
    """No screenshot could be taken; the message says what is missing."""


def chromium(path: str | None = None) -> str:
    """Find Chromium on a search path such as `$PATH`.

    Raises: ScreenshotError: it is not installed.
    """
    for program in _PROGRAMS:
        if found := shutil.which(program, path=path):
            return found
    raise ScreenshotError("no Chromium on this machine: install it with `apt-get install -y chromium`")


@contextmanager
def browser(profile: Path, **options: Any) -> Iterator[BrowserContext]:
    """Run the system's Chromium with the given profile folder; it sends requests only to the page it shows.

    Raises: ScreenshotError: it is not installed.
    """
    program = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch_persistent_context(
            profile, executable_path=program, args=_FLAGS, **options
        )
        try:
            yield running
        finally:
            running.close()


def settled(page: Page, within: float = WAIT_MS) -> Page:
    """Wait, up to `within` ms, until the page's script has finished, its answers are shown and its shortcuts work.

    Streamlit loads the code of each element type when it is first shown (until then it shows a skeleton), and
    registers an element's shortcut some time after drawing it: when the browser is idle.
    """
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=within)
    expect(page.locator(_UNFINISHED)).to_have_count(0, timeout=within)
    page.evaluate("new Promise(idle => requestIdleCallback(idle, { timeout: 1000 }))")
    return page


def say(page: Page, message: str) -> None:
    """Type a message, send it with Enter, and wait for the answer."""
    # A rerun that is not over may put its own text into the field.
    settled(page)
    turns = page.locator('[class*="st-key-turn-"]')
    before = turns.count()
    field = page.get_by_test_id("stChatInputTextArea")
    field.fill(message)
    field.press("Enter")
    turns.nth(before).locator(".bubble").nth(1).wait_for(timeout=WAIT_MS)
    settled(page)


def open_page(page: Page, url: str, what: str, command: str) -> None:
    """Open an address in a tab.

    Raises: ScreenshotError: nothing answers there; names the command that starts it.
    """
    try:
        page.goto(url, wait_until="commit")
    except PlaywrightError as error:
        raise ScreenshotError(f"no {what} at {url}: start it with `{command}`") from error


def open_chat(page: Page, url: str) -> Page:
    """Open the chat page in a tab and return it once it accepts input.

    Raises: ScreenshotError: nothing answers at the address.
    """
    open_page(page, url, "chat page", "make run")
    page.get_by_test_id("stChatInputTextArea").wait_for(timeout=WAIT_MS)
    return settled(page)


@contextmanager
def tab(width: int) -> Iterator[Page]:
    """Open a tab in a separate browser.

    Raises: ScreenshotError: no Chromium.
    """
    size = ViewportSize(width=width, height=SHORTEST)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        browser(Path(profile), viewport=size, device_scale_factor=2) as window,
    ):
        yield window.new_page()


def save(page: Page, width: int, out: Path) -> None:
    """Save a screenshot of a Streamlit page from its top, as tall as its content."""
    whole = int(page.evaluate("document.getElementById('stMain').scrollHeight"))
    page.set_viewport_size(ViewportSize(width=width, height=min(max(whole, SHORTEST), TALLEST)))
    page.evaluate("document.activeElement.blur(); document.getElementById('stMain').scrollTo(0, 0)")
    page.wait_for_timeout(500)
    out.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=out, animations="disabled")


def take(url: str, out: Path) -> None:
    """Run a conversation with an answer, a clarification and a handoff, and save its screenshot.

    Raises: ScreenshotError: no Chromium, no page at the address, or the bot does not answer or ask back.
    """
    with tab(WIDTH) as page:
        open_chat(page, url)
        answered = _first(page, CLEAR, f":not(:has({_CHOICES}, .handoff))", "answers")
        asked_back = _first(page, UNCLEAR, f":has({_CHOICES})", "asks back on")
        open_chat(page, url)
        for message in (answered, asked_back, HANDOFF):
            say(page, message)
        save(page, WIDTH, out)


def _first(page: Page, messages: Sequence[str], turn: str, what: str) -> str:
    """Return the first message that leads to a turn of the given kind; which one depends on the bundle."""
    for message in messages:
        say(page, message)
        if page.locator('[class*="st-key-turn-"]').last.and_(page.locator(turn)).count():
            return message
    raise ScreenshotError(f"this bot {what} none of: {', '.join(messages)}")


@command(PlaywrightError)
def main(
    url: Annotated[str, typer.Option(help="The page's; default: on this machine, by its settings.")] = "",
    out: Path = OUT,
) -> None:
    """Take the screenshot of the chat page."""
    take(url or f"http://127.0.0.1:{ChatPageSettings().port}", out)
    typer.echo(out)


if __name__ == "__main__":
    main()
