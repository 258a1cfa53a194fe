"""A small bot, made once; a world for each test: on the real MinIO and the real MLflow server, or in a folder."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.minio import Minio
from tests.support.mlflow_server import MlflowServer
from tests.support.shared import made_once, shared_folder
from tests.training.loop_world import SmallBot, World, copied_world, local_world, make_small_bot, quicken
from tests.training.remembered import Trainings


@pytest.fixture(scope="session")
def small_bot(tmp_path_factory: pytest.TempPathFactory) -> SmallBot:
    return made_once(shared_folder(tmp_path_factory, "small-bot"), make_small_bot)


@pytest.fixture(scope="session")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    """What retrainings trained and judged is remembered for all tests, in all workers."""
    return Trainings(shared_folder(tmp_path_factory, "trainings"))


@pytest.fixture
def world(
    minio: Minio,
    bucket: str,
    small_bot: SmallBot,
    trainings: Trainings,
    mlflow_server: MlflowServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """Nothing is registered in it yet; credentials of the store are in the environment."""
    quicken(monkeypatch, trainings)
    own = f"world-{time.time_ns()}"
    tracking = mlflow_server.settings(tmp_path, model=own, experiment=own)
    return World(small_bot, minio.settings(bucket, attempts=1), tracking, tmp_path)


@pytest.fixture(scope="session")
def first_version(
    small_bot: SmallBot, trainings: Trainings, mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a local world whose first version is the small bot: made once, tests work on copies."""

    def make(folder: Path) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            quicken(patch, trainings)
            local_world(small_bot, folder, mlflow_database).first()
        return folder

    return made_once(shared_folder(tmp_path_factory, "first-version"), make)


@pytest.fixture
def local(
    small_bot: SmallBot,
    trainings: Trainings,
    first_version: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """The small bot is its first version, in a folder and a local registry: for what does not depend on servers."""
    quicken(monkeypatch, trainings)
    return copied_world(small_bot, first_version, tmp_path)
