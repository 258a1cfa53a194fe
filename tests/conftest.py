"""Fixtures and hooks shared by the tests of all packages."""

from __future__ import annotations

import gc
import os
import platform
import re
import subprocess
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

from tests.support import guard, requirements

if TYPE_CHECKING:
    from chatbot.model.bundle import Bundle
    from chatbot.store.folder import FolderStore
    from tests.support.minio import Minio
    from tests.support.mlflow_server import MlflowServer
    from tools.images import Image


PROCESS_FIXTURES = {"minio", "own_minio", "bucket", "mlflow_server", "built", "small_disk"}
"""Fixtures that start a process: a test that requests one is marked `process`."""

# MLflow asks for the processor when it is imported, which starts `uname` once per process: not a test's doing.
platform.processor()

# The duration of an example depends more on the machine than on the code.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


def pytest_configure(config: pytest.Config) -> None:
    """Install the guard that keeps unmarked tests from starting processes."""
    guard.install()
    if hasattr(config, "workerinput"):
        # pytest-xdist sets both for its workers; then rich ignores values that a test sets later.
        os.environ.pop("LINES", None)
        os.environ.pop("COLUMNS", None)
    config.pluginmanager.register(guard, "process-guard")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while a thousand modules are imported, and keep what they made out of later collections."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that start processes; order them for a parallel run."""
    for item in items:
        is_system = any(item.get_closest_marker(name) for name in ("integration", "e2e"))
        if is_system or PROCESS_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.process)
    if os.environ.get("PYTEST_XDIST_WORKER"):
        threadpool_limits(1, "blas")  # two workers on two cores: more threads would only contend
        _sort_by_length(items)


def _sort_by_length(items: list[pytest.Item]) -> None:
    """Put long modules first and modules that start no process last: with those, workers end at the same time."""
    ranks: dict[Path, int] = {}
    for item in items:
        rank = 0 if item.get_closest_marker("long") else 1 if item.get_closest_marker("process") else 2
        ranks[item.path] = min(rank, ranks.get(item.path, rank))
    items.sort(key=lambda item: ranks[item.path])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the test, or fail it with STRICT=1, if a required program is missing."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            requirements.program(name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the number of tests that were not run, by reason."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(re.sub(r"^Skipped: ", "", str(report.longrepr[2])) for report in skipped)
    if reasons:
        terminalreporter.section(f"not checked: {len(skipped)} tests", sep="-")
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count:5} {reason}")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """An empty store in a folder."""
    from chatbot.store.folder import FolderStore

    return FolderStore(tmp_path / "store")


@pytest.fixture(scope="session", autouse=True)
def _no_flush_to_the_disk() -> Iterator[None]:
    """Leave out what is for a power cut: killing a process loses nothing that it wrote, and a disk takes its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _programs_of_the_chart() -> Iterator[None]:
    """Skip a test that renders the chart where helm or kubectl is missing, instead of failing it."""
    from tools.generate import chart

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chart, "program", lambda name: str(requirements.program(name)))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the published corpora."""
    from tools.bench.quality.corpora import MissingDataError
    from tools.bench.quality.corpora import shared_data as find

    try:
        return find()
    except MissingDataError as error:
        requirements.lacks("the folder of the published corpora", str(error))


@pytest.fixture(scope="session")
def bundle_folder() -> Path:
    """Return the bundle that the pipeline trains on the shipped corpus."""
    folder = Path(__file__).resolve().parents[1] / "models" / "current"
    if not (folder / "SHA256SUMS").is_file():
        pytest.fail(f"no bundle at {folder}: make it with `make bundle`, as `make test` does", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def bundle(bundle_folder: Path) -> Bundle:
    """Load that bundle once."""
    from chatbot.model.bundle import load

    return load(bundle_folder)


@pytest.fixture
def loaded_once(bundle: Bundle, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give code that loads that bundle the one that is loaded: commands and pages would load it for each test."""
    from chatbot.model import bundle as bundles

    load = bundles.load
    monkeypatch.setattr(
        bundles, "load", lambda folder, **more: bundle if folder == bundle_folder else load(folder, **more)
    )


@pytest.fixture(scope="session")
def built() -> dict[str, Image]:
    """Return every image, as built by `make images`."""
    from tools import images

    requirements.program("podman")
    if not os.environ.get("IMAGE_BUILDER") and requirements.TESTBED.is_dir():
        os.environ["IMAGE_BUILDER"] = f"{requirements.TESTBED}/build-image --format docker -q"
    found = {name: images.find(name) for name in images.DOCKERFILES}
    missing = [name for name, image in found.items() if image is None]
    if missing:
        pytest.fail(f"not built: {', '.join(missing)}; run `make images`", pytrace=False)
    return {name: image for name, image in found.items() if image is not None}


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """Run a real MinIO shared by all tests; tests that stop it use `own_minio`."""
    yield from _run_minio(tmp_path_factory.mktemp("minio"))


@pytest.fixture
def own_minio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Minio]:
    """Run a real MinIO for one test, with its credentials in this process's environment."""
    for server in _run_minio(tmp_path / "minio"):
        _use_credentials(monkeypatch, server)
        yield server


@pytest.fixture
def bucket(minio: Minio, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Create a bucket; yields its `s3://` URL (`minio.settings(bucket)`), with the credentials in the environment.

    It is deleted after the test: the buckets of a whole run would fill gigabytes.
    """
    _use_credentials(monkeypatch, minio)
    url = minio.new_bucket()
    yield url
    minio.drop(url)


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create MLflow's empty database once for all workers; tests and servers begin with a copy."""
    from tests.support.mlflow_server import new_database
    from tests.support.shared import made_once, shared_folder

    return made_once(shared_folder(tmp_path_factory, "mlflow"), new_database)


@pytest.fixture(scope="session")
def mlflow_server(
    minio: Minio, mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MlflowServer]:
    """Run a real MLflow server shared by all tests, its artifacts in a bucket of `minio`; tests must not stop it."""
    from tests.support.mlflow_server import MlflowServer

    with pytest.MonkeyPatch.context() as patch:
        _use_credentials(patch, minio)
        store = minio.environment(minio.new_bucket())
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"), store, mlflow_database)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a real 64 KB file system; `mount -o remount,size=...` enlarges it, `remount,ro` makes it read-only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        requirements.lacks("the right to mount a file system", "run the tests as root, to try a full disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _run_minio(folder: Path) -> Iterator[Minio]:
    from tests.support.minio import Minio

    server = Minio(folder)
    try:
        yield server.start()
    finally:
        server.kill()


def _use_credentials(monkeypatch: pytest.MonkeyPatch, server: Minio) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in server.credentials.items():
        monkeypatch.setenv(name, value)
