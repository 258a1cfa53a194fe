"""What the tests of the page share: the real API, one that fails on demand, the page, a browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, WebSocketRoute, expect
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from tests.bento.server import Server, free_port
from tests.support import requirements
from tests.support.server_process import ServerProcess
from tests.ui.fake_api import FakeApi
from tools.pictures import chat_page as screenshot

Theme = Literal["light", "dark"]

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "ui" / "chat" / "page.py"
UNCLEAR = screenshot.UNCLEAR

# Playwright's 5 seconds are too few on a busy machine.
expect.set_options(timeout=screenshot.WAIT_MS)


@pytest.fixture(scope="session")
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real service with the project's own bundle."""
    try:
        bundle = Path(request.getfixturevalue("bundle_folder"))
    except pytest.FixtureLookupError:
        bundle = ROOT / "models" / "current"
    settings = {"CHATBOT_BUNDLE": str(bundle), "CHATBOT_RUNNER_WORKERS": "1"}
    server = Server(tmp_path_factory.mktemp("api"), settings).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def unclear(api: Server) -> str:
    """A message that the served bundle asks back on, with choices."""
    for message in UNCLEAR:
        _, answer = api.post("/chat", {"message": message})
        if answer["source"] == "clarify":
            return message
    pytest.fail(f"the bundle asks back on none of {UNCLEAR}")


@pytest.fixture
def fake() -> Iterator[FakeApi]:
    """An API that fails on demand, for one test."""
    api = FakeApi().start()
    yield api
    api.stop()


class ChatPage(ServerProcess):
    """`python -m ui` (or another command) as a process."""

    ready_path = "/_stcore/health"
    start_seconds = 60.0
    cwd = ROOT

    def __init__(
        self, folder: Path, arguments: Sequence[str], port: int, environment: dict[str, str]
    ) -> None:
        super().__init__(folder)
        self.arguments, self.port, self.environment = arguments, port, environment

    def command(self) -> Sequence[str]:
        return self.arguments or (sys.executable, "-m", "ui")

    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHATBOT_")}
        return kept | {"CHATBOT_UI_PORT": str(self.port), "HOME": str(self.folder)} | self.environment


@pytest.fixture(scope="session")
def serve_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ChatPage]]:
    """Starts chat pages with the given settings, and stops them at the end."""
    started: list[ChatPage] = []

    def serve(*command: str, port: int | None = None, **environment: str) -> ChatPage:
        page = ChatPage(tmp_path_factory.mktemp("page"), command, port or free_port(), environment)
        started.append(page)
        return page.start()

    yield serve
    for page in started:
        page.stop()


@pytest.fixture(scope="session")
def chat_page(api: Server, serve_page: Callable[..., ChatPage]) -> ChatPage:
    """The chat page in front of the real service, started the way people know."""
    port = free_port()
    streamlit = Path(sys.executable).with_name("streamlit")
    return serve_page(
        str(streamlit), "run", "ui/app.py", f"--server.port={port}", port=port, CHATBOT_UI_API_URL=api.url
    )


@pytest.fixture(scope="session")
def failing_port() -> int:
    """The one port behind which each test puts an API of its own."""
    return free_port()


@pytest.fixture(scope="session")
def failing_page(failing_port: int, serve_page: Callable[..., ChatPage]) -> ChatPage:
    """The chat page as `python -m ui` starts it, impatient, in front of an API that fails on demand."""
    return serve_page(
        CHATBOT_UI_API_URL=f"http://127.0.0.1:{failing_port}",
        CHATBOT_UI_TIMEOUT_SECONDS="2",
        CHATBOT_UI_POLL_SECONDS="0.5",
    )


@pytest.fixture
def failing(failing_port: int) -> Iterator[FakeApi]:
    """The API behind `failing_page`, anew for each test."""
    api = FakeApi(port=failing_port).start()
    yield api
    api.stop()


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A real browser; each tab in it is a visit of its own.

    A module's own: while it is open, Playwright's event loop counts as running, and no test can run another.
    """
    requirements.program("chromium")
    with screenshot.browser(tmp_path_factory.mktemp("browser")) as context:
        yield context


@pytest.fixture(scope="session")
def axe_script() -> str:
    """axe-core, installed once into the cache."""
    folder = ROOT / ".cache" / "npm"
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    pinned = Path(__file__).with_name("package.json").read_text()
    kept = folder / "package.json"
    if not script.is_file() or not kept.is_file() or kept.read_text() != pinned:
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(pinned)
        command = (
            str(requirements.program("npm")),
            "install",
            "--prefix",
            str(folder),
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
        )
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        except subprocess.CalledProcessError as error:
            kept.unlink(missing_ok=True)  # another worker may have done so
            reason = error.stderr.decode().strip().splitlines()[0]
            requirements.lacks("axe-core", f"npm must reach its registry ({reason})")
    return script.read_text()


@dataclass
class Tab:
    """A browser tab with the chat, and what it saw."""

    page: Page
    hosts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def say(self, message: str) -> None:
        screenshot.say(self.page, message)

    def send(self, message: str) -> None:
        """Type and send, without waiting for what comes back."""
        field = self.page.get_by_test_id("stChatInputTextArea")
        field.fill(message)
        field.press("Enter")

    @property
    def last(self) -> Locator:
        """The last message and what became of it."""
        return self.page.locator('[class*="st-key-turn-"]').last

    @property
    def field(self) -> str:
        """What stands in the field."""
        return self.page.get_by_test_id("stChatInputTextArea").input_value()

    @property
    def focused(self) -> str:
        """The name of what has the focus, as it is read out."""
        name = self.page.evaluate(
            """() => {
                const heard = document.activeElement.cloneNode(true);
                heard.querySelectorAll('[aria-hidden=true]').forEach(e => e.remove());
                return heard.getAttribute('aria-label') || heard.textContent || heard.tagName;
            }"""
        )
        return str(name).strip()

    def change_theme(self, theme: Theme) -> None:
        """The system goes dark or light, and the page with it."""
        self.page.emulate_media(color_scheme=theme)
        expect(self.page.locator(".stApp")).to_have_css("color-scheme", theme)
        # Streamlit's own colours take their time.
        self.page.wait_for_timeout(400)

    def violations(self, axe: str, but: str = "") -> list[str]:
        """What axe finds, of whatever impact, each rule with the elements; without one rule."""
        if not self.page.evaluate("Boolean(window.axe)"):
            self.page.evaluate(axe)
        rules = {"rules": {but: {"enabled": False}} if but else {}}
        script = "rules => axe.run(document, rules).then(r => JSON.stringify(r.violations))"
        found = json.loads(str(self.page.evaluate(script, rules)))
        return [
            f"{v['impact']} {v['id']}: {v['help']}: {[node['html'][:120] for node in v['nodes']]}"
            for v in found
        ]


def open_tab_in(
    window: BrowserContext, url: str, theme: Theme = "light", width: int = 900, height: int = 800
) -> Tab:
    """Open the chat as a new visitor."""
    tab = Tab(window.new_page())
    tab.page.emulate_media(color_scheme=theme)
    tab.page.set_viewport_size({"width": width, "height": height})
    tab.page.on("request", lambda request: tab.hosts.append(request.url.split("/")[2]))
    tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.page.on("dialog", lambda dialog: (tab.errors.append(dialog.message), dialog.dismiss()))
    screenshot.open_chat(tab.page, url)
    return tab


class Wire:
    """Connections of the tabs of a browser to Streamlit, which a test can cut and mend."""

    def __init__(self, window: BrowserContext) -> None:
        self._window = window
        self._ends: list[WebSocketRoute] = []
        window.route_web_socket("**/_stcore/stream", self._connect)

    def _connect(self, end: WebSocketRoute) -> None:
        self._ends += [end, end.connect_to_server()]

    def cut(self) -> None:
        """End what is open, and let nothing through."""
        self._window.route("**/_stcore/**", lambda route: route.abort())
        for end in self._ends:
            end.close()
        self._ends.clear()

    def mend(self) -> None:
        """Let everything through again."""
        self._window.unroute_all()


@pytest.fixture
def wire(window: BrowserContext) -> Iterator[Wire]:
    """The connections of the tabs that are opened from here on."""
    wire = Wire(window)
    yield wire
    wire.mend()


@pytest.fixture
def open_tab(window: BrowserContext) -> Iterator[Callable[..., Tab]]:
    """Opens the chat as a new visitor, with a theme and a size; closed when the test is over."""
    tabs: list[Tab] = []

    def open_tab(url: str, **options: Any) -> Tab:
        tabs.append(open_tab_in(window, url, **options))
        return tabs[-1]

    yield open_tab
    for tab in tabs:
        tab.page.close()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """The page's script without a browser, run once."""
    # Each AppTest looks through all installed packages for components, a second or more; the page uses none.
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)

    def run(api_url: str, **environment: str) -> AppTest:
        settings = {"CHATBOT_UI_API_URL": api_url, "CHATBOT_UI_TIMEOUT_SECONDS": "2"} | environment
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return AppTest.from_file(APP, default_timeout=30).run()

    return run
