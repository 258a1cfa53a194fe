"""Versions: listed with what they are made of and who serves; any earlier one comes back, checked."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chatbot.errors import ChatbotError
from chatbot.loop import desired_model
from chatbot.loop.registry import CHAMPION
from chatbot.model import bundle as bundles
from chatbot.model.bundle_store import fetch
from tests.support.minio import Minio
from tests.support.mlflow_server import MlflowServer
from tests.training.loop_world import SmallBot, World, quicken
from tests.training.remembered import Trainings
from training.corpus.versions import Pointer, VersionDamaged
from training.tracking.client import TrackingFailed
from training.versions import restore, served_digest


@pytest.fixture(scope="module")
def two(
    minio: Minio,
    mlflow_server: MlflowServer,
    small_bot: SmallBot,
    trainings: Trainings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """Version 1 served once, version 2 is champion now. Who damages something here heals it again."""
    folder = tmp_path_factory.mktemp("two")
    own = f"two-{time.time_ns()}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in minio.credentials.items():
            patch.setenv(name, value)
        quicken(patch, trainings)
        world = World(
            small_bot,
            minio.settings(minio.new_bucket(), attempts=1),
            mlflow_server.settings(folder, model=own, experiment=own),
            folder,
        )
        world.first()
        world.accept_gifts()
        assert world.retrain().outcome == "accepted"
        world.registry.set_alias(CHAMPION, "2")
        yield world


def test_the_list_names_corpus_scores_gate_and_who_serves(two: World) -> None:
    champion = two.registry.get("2")
    desired_model.ask(two.store, str(champion.ref), "a test")
    process = two.command("training.versions")
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    (provenance,) = [line for line in printed.splitlines() if champion.bundle_digest[:12] in line]
    assert champion.corpus_digest[:12] in provenance
    (state,) = [line for line in printed.splitlines() if "champion" in line]
    assert champion.verdict in state
    assert "serves" in state
    as_json, said = two.command("training.versions", "--json").communicate(timeout=60)
    listed = json.loads(as_json)
    assert [(row["version"], row["serves"]) for row in listed] == [("2", True), ("1", False)], said
    assert listed[0]["scores"] == dict(champion.scores)


def test_who_serves_can_be_asked_of_the_api_itself(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers["Authorization"] == "Bearer chatbot_secret" else 401)
            self.end_headers()
            self.wfile.write(json.dumps({"bundle_digest": two.bot.digest}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with pytest.raises(ChatbotError, match="401"):
        served_digest(two.store, url)
    monkeypatch.setenv("CHATBOT_API_KEY", "chatbot_secret")
    assert served_digest(two.store, url) == two.bot.digest
    server.shutdown()
    server.server_close()
    with pytest.raises(ChatbotError, match="did not return the serving version"):
        served_digest(two.store, url)


def test_an_earlier_state_comes_back_from_commit_corpus_and_version(two: World, tmp_path: Path) -> None:
    first = two.registry.get("1")
    out = tmp_path / "restored"
    process = two.command(
        *("training.versions", "restore", "1", "--out", str(out)),
        *("--commit", first.git_commit[:12], "--corpus", first.corpus_digest),
    )
    printed, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert f"git checkout {first.git_commit.removesuffix('-dirty')}" in printed
    assert bundles.verify(out / "1" / "bundle") == two.bot.digest
    restored = out / "1" / "corpus" / "corpus.parquet"
    assert restored.read_bytes() == (two.bot.processed / "corpus.parquet").read_bytes()


def test_three_names_that_do_not_belong_together_are_refused(two: World, tmp_path: Path) -> None:
    second = two.registry.get("2")
    with pytest.raises(TrackingFailed, match=f"not {second.corpus_digest}"):
        restore(two.registry, two.config.store, "1", tmp_path, corpus=second.corpus_digest)
    with pytest.raises(TrackingFailed, match="not ffffff"):
        restore(two.registry, two.config.store, "1", tmp_path, commit="ffffff")
    with pytest.raises(TrackingFailed, match="there are: 2, 1"):
        restore(two.registry, two.config.store, "3", tmp_path)
    assert not list(tmp_path.glob("*/bundle"))


def test_a_bundle_that_the_store_lost_or_damaged_comes_back_from_the_registry(
    two: World, tmp_path: Path
) -> None:
    digest = two.bot.digest
    two.store.put(f"bundles/{digest}/rules.yaml", b"changed")
    back = restore(two.registry, two.config.store, "1", tmp_path / "a")
    assert bundles.verify(back.bundle) == digest
    assert bundles.verify(fetch(two.store, digest, tmp_path / "cache")) == digest, "the store is whole again"
    for name in (*bundles.FILES, bundles.SUMS):
        two.store.delete(f"bundles/{digest}/{name}")
    back = restore(two.registry, two.config.store, "1", tmp_path / "b")
    assert bundles.load(back.bundle).digest == digest


def test_what_was_restored_and_changed_since_is_restored_again(two: World, tmp_path: Path) -> None:
    back = restore(two.registry, two.config.store, "1", tmp_path)
    (back.bundle / "replies.yaml").write_text("changed")
    (back.corpus / "corpus.parquet").write_text("changed")
    shutil.rmtree(tmp_path / ".bundles", ignore_errors=True)
    back = restore(two.registry, two.config.store, "1", tmp_path)
    assert bundles.verify(back.bundle) == two.bot.digest
    assert (back.corpus / "corpus.parquet").read_bytes() == (
        two.bot.processed / "corpus.parquet"
    ).read_bytes()


def test_a_corpus_that_is_damaged_is_named_when_it_is_asked_for(two: World, tmp_path: Path) -> None:
    pointer = Pointer.parse(two.registry.get("1").corpus_pointer)
    corpus = next(file for file in pointer.files if file.path == "corpus.parquet")
    key = f"dvc/files/md5/{corpus.md5[:2]}/{corpus.md5[2:]}"
    content = two.store.get(key)
    two.store.put(key, b"changed")
    with pytest.raises(VersionDamaged, match=rf"corpus/corpus\.parquet \(md5 {corpus.md5}\) is damaged"):
        restore(two.registry, two.config.store, "1", tmp_path)
    two.store.put(key, content)
