"""Take the docs' screenshots of the staff pages: real data in a real browser.

    python -m tools.pictures.staff_pages [--url http://127.0.0.1:8502] [--page review] [--out docs/images/review.png]

Requires Chromium and the running staff pages, without a token or with `CHATBOT_STAFF_TOKEN` (or `_FILE`) set here too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

from chatbot.settings import StaffSettings
from data.commands import command
from tools.pictures import chat_page
from ui.staff_pages import login

OUT = Path("docs/images/review.png")
WIDTH = 1000
FIRST_MS = 90_000
"""Timeout of the first visit, in ms: the server imports the modules that encode and cluster."""


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
    return chat_page.settled(page, FIRST_MS)


def open_staff(page: Page, url: str, token: str = "") -> Page:
    """Open the staff pages in a tab, and log in if required.

    Raises: ScreenshotError: nothing answers at the address.
    """
    chat_page.open_page(page, url, "staff pages", "python -m ui.staff")
    page.locator(".heading").first.wait_for(timeout=FIRST_MS)
    if page.locator("main.login").count():
        return log_in(page, token) if token else page
    return settled(page)


def take(url: str, out: Path, token: str = "") -> None:
    """Save a screenshot of a page.

    Raises: ScreenshotError: no Chromium, or no page at the address.
    """
    with chat_page.tab(WIDTH) as page:
        chat_page.save(open_staff(page, url, token), WIDTH, out)


@command(PlaywrightError)
def main(
    url: Annotated[str, typer.Option(help="Of the pages; default: on this machine, by their settings.")] = "",
    page: Annotated[
        Literal["review", "clusters", "labels", "handoffs", "drift", "thresholds", "versions"], typer.Option()
    ] = "review",
    out: Path = OUT,
) -> None:
    """Take the screenshot of a staff page."""
    settings = StaffSettings()
    base = url or f"http://127.0.0.1:{settings.port}"
    take(f"{base}/{'' if page == 'review' else page}", out, login.token_of(settings))
    typer.echo(out)


if __name__ == "__main__":
    main()
