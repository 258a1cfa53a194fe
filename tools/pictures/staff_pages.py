"""Take the docs' screenshots of the staff pages: real data in a real browser.

    python -m tools.pictures.staff_pages [--url http://127.0.0.1:8502] [--page review] [--out docs/images/review.png]

Requires the running staff pages, without a token or with `CHATBOT_STAFF_TOKEN` in the environment, and Chromium.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, ViewportSize

from chatbot.settings import StaffSettings
from tools.pictures import chat_page
from tools.pictures.chat_page import ScreenshotError, Theme
from ui.shared import startup

OUT = Path("docs/images/review.png")
WIDTH, SHORTEST, TALLEST = 1000, 640, 1600
FIRST_MS = 90_000
"""Timeout of the first visit, in ms: the server imports the modules that encode and cluster."""
PAGES = ("review", "clusters", "handoffs", "drift", "versions")


def log_in(page: Page, token: str, name: str = "Ada") -> Page:
    """Log in with a token."""
    page.get_by_role("textbox", name="Your name").fill(name)
    page.get_by_role("textbox", name="Token").fill(token)
    page.get_by_role("button", name="Log in").click()
    page.locator(".st-key-nav").wait_for(timeout=FIRST_MS)
    return settled(page)


def settled(page: Page) -> Page:
    """Wait until the page's script has finished."""
    page.locator(".heading").first.wait_for(timeout=FIRST_MS)
    return chat_page.settled(page)


def open_staff(page: Page, url: str, token: str = "") -> Page:
    """Open the staff pages in a tab, and log in if required.

    Raises: ScreenshotError: nothing answers at the address.
    """
    try:
        page.goto(url, wait_until="commit")
    except PlaywrightError as error:
        raise ScreenshotError(f"no staff pages at {url}: start them with `python -m ui.staff`") from error
    page.locator(".heading").first.wait_for(timeout=FIRST_MS)
    if page.locator("main.login").count():
        return log_in(page, token) if token else page
    return settled(page)


def take(url: str, out: Path, token: str = "", theme: Theme = "light") -> None:
    """Save a screenshot of a page.

    Raises: ScreenshotError: no Chromium, or no page at the address.
    """
    size = ViewportSize(width=WIDTH, height=SHORTEST)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        chat_page.browser(Path(profile), viewport=size, color_scheme=theme, device_scale_factor=2) as window,
    ):
        page = open_staff(window.new_page(), url, token)
        whole = int(page.evaluate("document.getElementById('stMain').scrollHeight"))
        page.set_viewport_size(ViewportSize(width=WIDTH, height=min(max(whole, SHORTEST), TALLEST)))
        page.wait_for_timeout(500)
        out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=out, animations="disabled")


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the screenshot; return 1 on failure, with the reason in one line."""
    settings = startup.read(StaffSettings)
    parser = argparse.ArgumentParser(prog="python -m tools.pictures.staff_pages", description=__doc__)
    parser.add_argument("--url", default=f"http://127.0.0.1:{settings.port}")
    parser.add_argument("--page", choices=PAGES, default=PAGES[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    chosen = parser.parse_args(arguments)
    path = "" if chosen.page == PAGES[0] else chosen.page
    try:
        take(f"{chosen.url}/{path}", chosen.out, settings.token.get_secret_value(), chosen.theme)
    except (ScreenshotError, PlaywrightError) as error:
        sys.stderr.write(f"{str(error).splitlines()[0]}\n")
        return 1
    sys.stdout.write(f"{chosen.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
