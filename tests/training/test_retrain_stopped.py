"""What stops a retraining half-way, for real: kill -9, a second one, MLflow or the store away, a full disk."""

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from chatbot.errors import ChatbotError, Denied, NoBucket, Unreachable
from chatbot.model import bundle as bundles
from chatbot.model.bundle_store import fetch, held
from tests.support.lease import lease_holder
from tests.support.minio import Minio
from tests.training.loop_world import ROOT, World
from tests.training.remembered import Trainings
from tests.training.retrain_worker import NONE, POINTS
from training.corpus import versions
from training.corpus.versions import Pointer
from training.retraining.config import LEASE
from training.tracking.client import TrackingFailed

pytestmark = [pytest.mark.long, pytest.mark.process]

WORKER = "tests.training.retrain_worker"
SENDING = ("corpus half pushed", "run half recorded", "artifact sent", "registered")
"""Points at which a part of a version is in the store or in MLflow, and a part is not."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "points",
    [SENDING, pytest.param(POINTS, marks=pytest.mark.certify)],
    ids=["while sending", "at any point"],
)
def test_killed_and_run_again_it_ends_right_and_nothing_is_double(
    world: World, trainings: Trainings, points: tuple[str, ...]
) -> None:
    world.first()
    world.accept_gifts()
    out = world.folder / "retrain.json"
    arguments = (
        "--out",
        str(out),
        "--work",
        str(world.folder / "work"),
        "--params",
        str(ROOT / "params.yaml"),
    )
    for point in points:
        process = world.command(WORKER, str(trainings.folder), point, *arguments)
        said = process.communicate(timeout=300)[1]
        assert process.returncode == -signal.SIGKILL, f"{point}: {said}"
        assert not out.exists()
        assert world.registry.challenger() is None, point
        for version in world.registry.versions():
            assert held(world.store, version.bundle_digest), point
            Pointer.parse(version.corpus_pointer)
    last = subprocess.run(
        [sys.executable, "-m", WORKER, str(trainings.folder), NONE, *arguments],
        cwd=ROOT,
        env=world.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert last.returncode == 0, last.stderr
    assert "accepted" in last.stdout
    result = json.loads(out.read_text())
    challenger = world.registry.challenger()
    assert challenger is not None
    assert result["challenger"] == str(challenger.ref)
    assert [version.number for version in world.registry.versions()] == ["2", "1"]
    assert Counter(state for _, state in world.runs()) == {"FINISHED": 2}
    assert not list(world.config.tracking.unsent.glob("[!.]*"))
    assert not versions.examine(world.store, Pointer.parse(challenger.corpus_pointer))
    assert bundles.load(world.registry.fetch("2", world.folder / "fetched"))
    assert bundles.load(fetch(world.store, challenger.bundle_digest, world.folder / "cache"))
    assert lease_holder(world.store, LEASE) == ""


def test_of_two_at_once_one_works_and_the_other_leaves_as_busy(local: World, trainings: Trainings) -> None:
    local.accept_gifts()
    go = local.folder / "go"
    slow = local.command(
        WORKER,
        *(str(trainings.folder), f"wait:{go}"),
        *("--out", str(local.folder / "a.json"), "--work", str(local.folder / "a")),
    )
    try:
        until = time.monotonic() + 60
        while not lease_holder(local.store, LEASE):
            assert time.monotonic() < until, "the first never took the lease"
            time.sleep(0.1)
        began = time.monotonic()
        out = local.folder / "b.json"
        other = local.command("training.retrain", "--out", str(out), "--work", str(local.folder / "b"))
        said = other.communicate(timeout=120)[1]
        assert other.returncode == 0, said
        assert json.loads(out.read_text())["outcome"] == "busy"
        assert f"-{slow.pid}-" in json.loads(out.read_text())["why"]
        assert time.monotonic() - began < 60
        go.touch()
        slow.wait(timeout=120)
        assert slow.returncode == 0
    finally:
        slow.kill()
    assert json.loads((local.folder / "a.json").read_text())["outcome"] == "accepted"
    assert len(local.registry.versions()) == 2


def test_sigterm_during_a_retraining_releases_its_lease_at_once(local: World) -> None:
    """As a pod is evicted; a process of its own, because the handler is installed as `python -m` starts."""
    local.accept_gifts()
    out = local.folder / "retrain.json"
    command = [sys.executable, "-m", "training.retrain", "--out", str(out), "--work", str(local.folder / "w")]
    with subprocess.Popen(command, cwd=ROOT, env=local.environment(), stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 120
        while not lease_holder(local.store, LEASE):
            assert time.monotonic() < until, "it never took the lease"
            time.sleep(0.05)
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, said
    assert lease_holder(local.store, LEASE) == ""
    assert not out.exists()


def test_mlflow_that_goes_down_half_way_keeps_the_run_and_a_second_try_registers_it_once(
    local: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.retraining import run

    local.accept_gifts()
    given = local.config
    real = run.record_training

    def while_down(settings: object, *arguments: object, **named: object) -> object:
        down = given.tracking.model_copy(update={"tracking_uri": "http://127.0.0.1:9"})
        return real(down, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "record_training", while_down)
    with pytest.raises(TrackingFailed, match="run the retraining again"):
        local.retrain()
    assert len(list(given.tracking.unsent.glob("retrain-*"))) == 1
    assert len(local.registry.versions()) == 1
    monkeypatch.setattr(run, "record_training", real)
    assert local.retrain().outcome == "accepted"
    assert not list(given.tracking.unsent.glob("retrain-*"))
    assert [state for _, state in local.runs()] == ["FINISHED", "FINISHED"]


def test_a_store_that_is_down_without_bucket_or_denies_is_an_error_within_seconds(
    world: World, own_minio: Minio, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = own_minio.new_bucket()
    world.config = replace(
        world.config, store=own_minio.settings(url, attempts=1, connect_seconds=0.5, read_seconds=2)
    )
    world.first()
    world.accept_gifts()
    there = world.registry.versions()

    def fails_with(kind: type[ChatbotError], said: str) -> None:
        began = time.monotonic()
        with pytest.raises(kind, match=said):
            world.retrain()
        assert time.monotonic() - began < 20
        assert world.registry.versions() == there

    with monkeypatch.context() as wrong:
        wrong.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        fails_with(Denied, "AWS_SECRET_ACCESS_KEY")
    stored = world.config.store
    world.config = replace(world.config, store=stored.model_copy(update={"url": "s3://never-made"}))
    fails_with(NoBucket, "make-bucket")
    world.config = replace(world.config, store=stored)
    own_minio.kill()
    fails_with(Unreachable, "does not answer")


def test_a_process_that_cannot_reach_mlflow_ends_with_one_sentence(local: World) -> None:
    out = local.folder / "retrain.json"
    out.write_text('{"outcome": "accepted"}')
    process = local.command("training.retrain", "--out", str(out), MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 1
    assert "Connection refused" in said
    assert "Traceback" not in said
    assert not out.exists(), "what an earlier run said must not be taken for this one's"


@pytest.mark.timeout(900)
def test_a_full_disk_ends_a_retraining_with_one_sentence_and_changes_nothing(
    local: World, small_disk: Path
) -> None:
    local.accept_gifts()
    out = local.folder / "retrain.json"
    process = local.command("training.retrain", "--out", str(out), "--work", str(small_disk / "work"))
    said = process.communicate(timeout=600)[1]
    assert process.returncode == 1
    # The second is SQLite's word for it, in which DVC keeps its notes.
    assert re.search(r"No space left on device|disk is full", said)
    assert "Traceback" not in said
    assert not out.exists()
    assert [version.number for version in local.registry.versions()] == ["1"]
