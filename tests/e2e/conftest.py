"""The cluster, the images on its node, the installed release; what is kept of a failure."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.e2e import chart_before, evidence, images, installing
from tests.e2e.installing import Installed
from tests.e2e.progress import Progress
from tests.e2e.prometheus import Prometheus
from tests.e2e.release import Release
from tests.support import testbed
from tests.support.testbed import TestbedError
from ui import screenshot

KEPT = os.environ.get("E2E_KEEP") == "1"
"""Leave the release and the cluster as they are at the end, and take them again in the next run."""
_NAMESPACES = [installing.NAMESPACE, "monitoring", "upgrade"]
_MOST_FOLDERS = 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With pytest-xdist, what shares a release runs in one process, in order, beside what has a release of its own."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("old" if "old" in item.fixturenames else "shared"))


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
def old(cluster: None, tmp_path_factory: pytest.TempPathFactory, progress: Progress) -> Iterator[Release]:
    """A release of the chart before, in which a version was rolled out, in a namespace of its own."""
    release = Release("old", "upgrade")
    chart_before.install(release, tmp_path_factory.mktemp("before"), progress)
    yield release
    with progress.step("uninstall of the release of the chart before"):
        installing.uninstall(release)


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
    with screenshot.browser(tmp_path / "browser") as context:
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
