"""What tests of every room share."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from chatbot.bundle import Bundle
    from tests.support.minio import Minio
    from tests.support.mlflow_server import MlflowServer
    from tools.images import Image


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the published corpora: without it a test fails, or is skipped where asked for."""
    from data.benchmarks import MissingDataError
    from data.benchmarks import shared_data as find

    try:
        return find()
    except MissingDataError as error:
        if os.environ.get("CHATBOT_WITHOUT_SHARED") == "1":
            pytest.skip(f"CHATBOT_WITHOUT_SHARED=1: {error}")
        pytest.fail(f"{error}; CHATBOT_WITHOUT_SHARED=1 skips what needs them", pytrace=False)


@pytest.fixture(scope="session")
def bundle_folder() -> Path:
    """The bundle that the pipeline makes of the corpus that ships."""
    folder = Path(__file__).resolve().parents[1] / "models" / "current"
    if not (folder / "SHA256SUMS").is_file():
        pytest.fail(f"no bundle at {folder}: make it with `make bundle`, as `make test` does", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def bundle(bundle_folder: Path) -> Bundle:
    """That bundle, loaded once."""
    from chatbot.bundle import load

    return load(bundle_folder)


@pytest.fixture(scope="session")
def built() -> dict[str, Image]:
    """Every image, as `make images` built it."""
    from tools import images

    testbed = images.ROOT.parent / "shared" / "testbed"
    if not shutil.which("podman"):
        pytest.fail(f"podman is missing: {testbed}/install installs it", pytrace=False)
    if not os.environ.get("IMAGE_BUILDER") and testbed.is_dir():
        os.environ["IMAGE_BUILDER"] = f"{testbed}/build-image --format docker -q"
    found = {name: images.find(name) for name in images.DOCKERFILES}
    missing = [name for name, image in found.items() if image is None]
    if missing:
        pytest.fail(f"not built: {', '.join(missing)}; run `make images`", pytrace=False)
    return {name: image for name, image in found.items() if image is not None}


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """A real MinIO that all tests share: none may stop it. `own_minio` is for those that do."""
    yield from _run_minio(tmp_path_factory.mktemp("minio"))


@pytest.fixture
def own_minio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Minio]:
    """A real MinIO of this test alone, with its credentials in this process's environment."""
    for server in _run_minio(tmp_path / "minio"):
        _use_credentials(monkeypatch, server)
        yield server


@pytest.fixture
def bucket(minio: Minio, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A fresh bucket's `s3://` address (`minio.settings(bucket)`), with the credentials in the environment.

    It goes with the test: those of a whole run would fill gigabytes.
    """
    _use_credentials(monkeypatch, minio)
    url = minio.new_bucket()
    yield url
    minio.drop(url)


@pytest.fixture(scope="session")
def mlflow_server(minio: Minio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A real MLflow server that all tests share, its artifacts in a bucket of `minio`: none may stop it."""
    from tests.support.mlflow_server import MlflowServer

    with pytest.MonkeyPatch.context() as patch:
        _use_credentials(patch, minio)
        store = minio.environment(minio.new_bucket())
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"), store)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KB; `mount -o remount,size=...` gives it room, `remount,ro` makes it read-only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.fail(f"trying a full disk for real takes the right to mount a tmpfs (root): {mounted.stderr}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _run_minio(folder: Path) -> Iterator[Minio]:
    from tests.support.minio import Minio, MissingMinioError

    server = Minio(folder)
    try:
        server.start()
    except MissingMinioError as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield server
    finally:
        server.kill()


def _use_credentials(monkeypatch: pytest.MonkeyPatch, server: Minio) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in server.credentials.items():
        monkeypatch.setenv(name, value)
