"""The cluster, the images on its node, the installed release; what is kept of a failure."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext
from xdist.scheduler import LoadFileScheduling

from tests.e2e import evidence, images, installing
from tests.e2e.installing import Installed
from tests.e2e.progress import Progress
from tests.e2e.prometheus import Prometheus
from tests.support import testbed
from tests.support.testbed import TestbedError
from tools.pictures import chat_page

KEPT = os.environ.get("E2E_KEEP") == "1"
"""Leave the release and the cluster as they are at the end, and take them again in the next run."""
_NAMESPACES = [installing.NAMESPACE, "monitoring", "upgrade", "records"]
_MOST_FOLDERS = 5


_STORY = ["test_1_install", "test_2_chat", "test_3_loop", "test_3_panels"]
"""Each depends on those before it; any other module restores the release that it finds."""
_ORDER = [
    *_STORY,
    "test_8_upgrade",
    "test_5_faults",
    "test_4_rollout",
    "test_7_scaling",
    "test_6_network",
    "test_9_records",
]
"""Of two workers: what takes longest first, and scenario 8 before its worker has a release beside that one's."""


class Scenarios(LoadFileScheduling):
    """Give the story to one worker, and every other module to the next that is free; each has a release of its own."""

    def _split_scope(self, nodeid: str) -> str:
        module = str(super()._split_scope(nodeid))
        return "story" if Path(module).stem in _STORY else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scenarios:
    return Scenarios(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With workers, order the modules for them."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        items.sort(key=lambda item: _ORDER.index(item.path.stem) if item.path.stem in _ORDER else -1)


@pytest.fixture(scope="session")
def progress(pytestconfig: pytest.Config) -> Progress:
    """`say` and `step`: lines on the terminal as things happen."""
    return Progress(pytestconfig)


@pytest.fixture(scope="session")
def cluster(built: object, progress: Progress) -> Iterator[None]:
    """A real cluster with every image on its node."""
    with contextlib.ExitStack() as up:
        try:
            testbed.install()
            with progress.step("cluster up"):
                up.enter_context(testbed.cluster(is_kept=KEPT))
            with progress.step("images to the node, where they differ"):
                put = testbed.load(images.all_images())
                progress.say(f"loaded: {', '.join(put) or 'none'}")
        except TestbedError as error:
            pytest.fail(str(error), pytrace=False)
        yield


@pytest.fixture(scope="package")
def release(cluster: None, progress: Progress) -> Iterator[Installed]:
    """The chart installed with its defaults (tests/e2e/values.yaml says what differs, and why)."""
    release = installing.install(progress, KEPT)
    yield release
    if not KEPT:
        with progress.step("uninstall, where the cluster stays"):
            installing.leave(release)


@pytest.fixture(scope="package")
def prometheus(release: Installed, progress: Progress) -> Iterator[Prometheus]:
    """A real Prometheus that watches the release from now on."""
    server = Prometheus(release)
    with progress.step("Prometheus watches"):
        server.start()
    yield server
    server.stop()


@pytest.fixture
def window(tmp_path: Path) -> Iterator[BrowserContext]:
    """A real browser, for one test: playwright keeps an event loop running as long as there is one."""
    with chat_page.browser(tmp_path / "browser") as context:
        yield context


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failure leaves its evidence in a folder, which is printed."""
    report: pytest.TestReport = yield
    is_ours = Path(__file__).parent in item.path.parents
    if is_ours and report.failed and testbed.ADMIN.is_file():
        count = item.config.stash.get(_FOLDERS, 0)
        item.config.stash[_FOLDERS] = count + 1
        if count < _MOST_FOLDERS:
            folder, shown = evidence.keep(item.name, _NAMESPACES)
            report.sections.append(("the cluster", f"{shown}everything else: {folder}"))
            Progress(item.config).say(f"{item.name} failed: logs and descriptions of everything in {folder}")
    return report


_FOLDERS = pytest.StashKey[int]()
