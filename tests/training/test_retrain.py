"""Retraining with a real MinIO and a real MLflow server: what it makes, what it refuses, and what stops it half-way."""

import json
import re
import shutil
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from chatbot import bundle as bundles
from chatbot.bundle_store import fetch, held
from chatbot.errors import ChatbotError, Denied, NoBucket, Unreachable
from chatbot.forgotten import mark_forgotten
from data.errors import CorpusError
from data.process import run as process_run
from data.processing import ProcessParams, read_processed
from tests.support.minio import Minio
from tests.training.loop_world import GIFT, GIFTS, ROOT, SmallBot, World, train_bundle
from tests.training.retrain_worker import POINTS
from training import corpus_versions
from training.corpus_versions import Pointer
from training.merging import read_rows
from training.mlflow_client import TrackingError, connected
from training.registry import CHALLENGER, CHAMPION
from training.retraining import LEASE, RetrainError
from training.review_decisions import Decisions, Verdict

WORKER = str(Path(__file__).with_name("retrain_worker.py"))


def runs(world: World) -> list[tuple[str, str]]:
    """Names and states of all runs."""
    with connected(world.given.tracking) as client:
        found = client.get_experiment_by_name(world.given.tracking.experiment)
        assert found is not None
        return [(run.info.run_name, run.info.status) for run in client.search_runs([found.experiment_id])]


def keys(world: World, prefix: str = "") -> dict[str, str]:
    return {entry.key: entry.etag for entry in world.store.list(prefix) if entry.key != LEASE}


def corpus_of(world: World, number: str) -> Path:
    pointer = Pointer.parse(world.registry.get(number).corpus_pointer)
    return corpus_versions.pull(world.given.store, pointer, world.folder / f"corpus-{number}")


def test_the_first_version_is_made_once_with_its_corpus_and_its_bundle(world: World) -> None:
    with pytest.raises(RetrainError, match="--first"):
        world.retrain()
    version, made = world.first()
    assert made
    assert (version.number, version.aliases) == ("1", (CHAMPION,))
    gate = json.loads(world.store.get(f"reports/gate/{version.bundle_digest}/gate.json"))
    assert gate["champion"] is None
    warned = any(check["verdict"] == "warned" for check in gate["checks"])
    assert version.verdict == ("warned" if warned else "passed")
    assert version.bundle_digest == world.bot.digest
    assert held(world.store, world.bot.digest)
    pulled = corpus_of(world, "1")
    assert (pulled / "corpus.parquet").read_bytes() == (world.bot.processed / "corpus.parquet").read_bytes()
    assert (pulled / "splits.csv").read_bytes() == (world.bot.processed / "splits.csv").read_bytes()
    before = keys(world)
    assert world.first() == (version, False)
    assert keys(world) == before
    assert len(runs(world)) == 1


def test_a_bundle_of_a_newer_image_is_a_version_more_and_the_champion_stays(
    world: World, tmp_path: Path
) -> None:
    world.first()
    corpus, processed, bundle = (tmp_path / name for name in ("corpus", "processed", "bundle"))
    shutil.copytree(world.bot.corpus, corpus)
    file = corpus / "intents" / "get_refund.yaml"
    file.write_text(file.read_text() + "  kindly hand me back what I paid\n")
    process_run(corpus, processed, ProcessParams())
    world.bot = SmallBot(corpus, processed, bundle, train_bundle(processed, corpus, bundle))
    version, made = world.first()
    assert made
    assert (version.number, version.aliases, version.bundle_digest) == ("2", (), world.bot.digest)
    assert held(world.store, world.bot.digest)
    champion = world.registry.champion()
    assert champion is not None
    assert world.first() == (champion, False)
    assert champion.number == "1"


def test_a_bundle_of_another_corpus_is_not_registered(world: World, tmp_path: Path) -> None:
    other = replace(world.bot, corpus=ROOT / "data" / "corpus", processed=tmp_path / "nothing")
    world.bot = other
    with pytest.raises(RetrainError, match="train it on this corpus first"):
        world.first()
    assert world.registry.versions() == []


def test_with_nothing_new_it_needs_review_says_how_much_waits_and_changes_nothing(world: World) -> None:
    from tests.training.review_tools import fill, strange

    world.first()
    fill(world.store, [strange("does the blue whale sing"), strange("is my bread gluten free")])
    before, recorded = keys(world), runs(world)
    result = world.retrain()
    assert (result.outcome, result.queue, result.challenger) == ("needs_review", 2, None)
    assert "2 messages wait" in result.why
    assert "training.review" in result.why
    assert keys(world) == before
    assert runs(world) == recorded
    assert [version.aliases for version in world.registry.versions()] == [(CHAMPION,)]


def test_accepted_messages_of_a_new_intent_become_a_challenger_that_answers_them(world: World) -> None:
    first, _ = world.first()
    world.accept_gifts()
    # Another seed would give every group anew, if what was given before did not hold.
    world.given = replace(world.given, process=ProcessParams(seed=5))
    result = world.retrain()
    assert result.outcome == "accepted", result
    assert (result.champion, result.corpus["added"]) == (str(first.ref), len(GIFTS))
    assert result.corpus["new_intents"] == [GIFT]
    challenger = world.registry.challenger()
    assert challenger is not None
    assert result.challenger == str(challenger.ref)
    assert world.registry.champion() == first, "who serves is not the retraining's to say"
    assert challenger.verdict in ("passed", "warned")
    assert challenger.corpus_digest != first.corpus_digest

    bundle = bundles.load(world.registry.fetch(challenger.number, world.folder / "fetched"))
    assert bundle.manifest.corpus_digest == challenger.corpus_digest
    assert bundle.predict(["how can I redeem a gift card"])[0].alternatives[0].intent == GIFT
    assert bundle.replies[GIFT].response == "Gift cards: {help_url}"
    assert held(world.store, challenger.bundle_digest)
    gate = json.loads(world.store.get(f"reports/gate/{challenger.bundle_digest}/gate.json"))
    assert gate["champion"]["digest"] == first.bundle_digest
    assert world.store.head(result.gate["report"]) is not None

    before, now = read_processed(corpus_of(world, "1")), read_processed(corpus_of(world, challenger.number))
    parts = dict(zip(before["row_hash"], before["part"], strict=True))
    kept = now[now["row_hash"].isin(parts)]
    assert len(kept) == len(before)
    assert (kept["part"] == kept["row_hash"].map(parts)).all(), "the frozen test part stays what it was"
    gifts = now[now["intent"] == GIFT]
    assert {"train", "test"} == set(gifts["part"])
    assert set(gifts["source"]) <= {f"review:p{number:03}" for number in range(len(GIFTS))}
    with connected(world.given.tracking) as client:
        tags = client.get_run(challenger.run_id).data.tags
    assert tags["bundle_digest"] == challenger.bundle_digest
    assert tags["corpus_pointer"] == challenger.corpus_pointer
    assert tags["gate"] == challenger.verdict


def test_the_same_again_is_the_same_challenger(world: World) -> None:
    world.first()
    world.accept_gifts()
    result = world.retrain()
    before = keys(world)
    assert world.retrain() == result
    assert keys(world).keys() == before.keys()
    assert len(world.registry.versions()) == 2
    assert len(runs(world)) == 2


def test_poisoned_rows_are_refused_and_the_refusal_stands_in_the_registry(world: World) -> None:
    world.first()
    rows = read_rows(corpus_of(world, "1") / "rows.parquet")
    # Three wrong rows for each right one, in words of its own.
    for number, message in enumerate(rows[rows["intent"] == "get_refund"]["message"]):
        for ending in ("now", "please", "today"):
            world.accept(f"q{number:03}{ending[0]}", f"{message} {ending}", "delete_account")
    result = world.retrain()
    assert result.outcome == "refused"
    assert result.gate["refused_by"]
    challenger = world.registry.challenger()
    assert challenger is not None
    assert challenger.verdict == "refused"
    champion = world.registry.champion()
    assert champion is not None
    assert champion.number == "1"


def test_what_is_forgotten_or_taken_back_leaves_the_corpus_of_every_later_version(world: World) -> None:
    from datetime import UTC, datetime

    world.first()
    world.accept_gifts()
    second = world.registry.get(world.retrain().challenger.split("@")[0])  # type: ignore[union-attr]
    world.registry.set_alias(CHAMPION, second.number)
    mark_forgotten(world.store, "p007", datetime.now(UTC))
    Decisions(world.store).reopen("p011", "kim")
    result = world.retrain()
    assert result.corpus["removed"] == 2
    assert result.challenger is not None
    folder = corpus_of(world, result.challenger.split("@")[0])
    for file in (folder / "rows.parquet", folder / "corpus.parquet"):
        sources = set(read_rows(file)["source"])
        assert "review:p006" in sources
        assert not {"review:p007", "review:p011"} & sources
    assert GIFTS[7] not in (folder / "replies.yaml").read_text()


def test_a_row_that_cannot_be_taught_is_named_with_its_review(world: World) -> None:
    world.first()
    world.accept("p1", "cancel\x00 it", "cancel_order")
    with pytest.raises(CorpusError, match="review:p1"):
        world.retrain()
    assert len(world.registry.versions()) == 1


@pytest.mark.timeout(900)
def test_killed_at_any_point_and_run_again_it_ends_right_and_nothing_is_double(world: World) -> None:
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
    for point in POINTS:
        process = world.command(WORKER, point, *arguments)
        said = process.communicate(timeout=300)[1]
        assert process.returncode == -signal.SIGKILL, f"{point}: {said}"
        assert not out.exists()
        assert world.registry.challenger() is None, point
        for version in world.registry.versions():
            assert held(world.store, version.bundle_digest), point
            Pointer.parse(version.corpus_pointer)
    process = world.command(str(ROOT / "training" / "retrain.py"), *arguments)
    printed, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "accepted" in printed
    result = json.loads(out.read_text())
    challenger = world.registry.challenger()
    assert challenger is not None
    assert result["challenger"] == str(challenger.ref)
    assert [version.number for version in world.registry.versions()] == ["2", "1"]
    assert Counter(state for _, state in runs(world)) == {"FINISHED": 2}
    assert not list(world.given.tracking.unsent.glob("[!.]*"))
    assert not corpus_versions.examine(world.store, Pointer.parse(challenger.corpus_pointer))
    assert bundles.load(world.registry.fetch("2", world.folder / "fetched"))
    assert bundles.load(fetch(world.store, challenger.bundle_digest, world.folder / "cache"))
    assert world.store.head(LEASE) is None


def test_of_two_at_once_one_works_and_the_other_leaves_as_busy(world: World) -> None:
    world.first()
    world.accept_gifts()
    slow = world.command(
        WORKER, "slow", "--out", str(world.folder / "a.json"), "--work", str(world.folder / "a")
    )
    try:
        until = time.monotonic() + 60
        while world.store.head(LEASE) is None:
            assert time.monotonic() < until, "the first never took the lease"
            time.sleep(0.1)
        began = time.monotonic()
        out = world.folder / "b.json"
        other = world.command("-m", "training.retrain", "--out", str(out), "--work", str(world.folder / "b"))
        said = other.communicate(timeout=120)[1]
        assert other.returncode == 0, said
        assert json.loads(out.read_text())["outcome"] == "busy"
        assert f"process {slow.pid}" in json.loads(out.read_text())["why"]
        assert time.monotonic() - began < 60
        assert slow.communicate(timeout=120)
        assert slow.returncode == 0
    finally:
        slow.kill()
    assert json.loads((world.folder / "a.json").read_text())["outcome"] == "accepted"
    assert len(world.registry.versions()) == 2


def test_mlflow_that_goes_down_half_way_keeps_the_run_and_a_second_try_registers_it_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training import publishing

    world.first()
    world.accept_gifts()
    given = world.given
    real = publishing.record_training

    def while_down(settings: object, *arguments: object, **named: object) -> object:
        down = given.tracking.model_copy(update={"tracking_uri": "http://127.0.0.1:9"})
        return real(down, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(publishing, "record_training", while_down)
    with pytest.raises(TrackingError, match="run the retraining again"):
        world.retrain()
    assert len(list(given.tracking.unsent.glob("retrain-*"))) == 1
    assert len(world.registry.versions()) == 1
    monkeypatch.setattr(publishing, "record_training", real)
    assert world.retrain().outcome == "accepted"
    assert not list(given.tracking.unsent.glob("retrain-*"))
    assert [state for _, state in runs(world)] == ["FINISHED", "FINISHED"]


def test_a_store_that_is_down_without_bucket_or_denies_is_an_error_within_seconds(
    world: World, own_minio: Minio, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = own_minio.new_bucket()
    world.given = replace(
        world.given, store=own_minio.settings(url, attempts=1, connect_seconds=0.5, read_seconds=2)
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
    stored = world.given.store
    world.given = replace(world.given, store=stored.model_copy(update={"url": "s3://never-made"}))
    fails_with(NoBucket, "make-bucket")
    world.given = replace(world.given, store=stored)
    own_minio.kill()
    fails_with(Unreachable, "does not answer")


def test_a_process_that_cannot_reach_mlflow_ends_with_one_sentence(world: World) -> None:
    out = world.folder / "retrain.json"
    out.write_text('{"outcome": "accepted"}')
    process = world.command(
        "-m", "training.retrain", "--out", str(out), MLFLOW_TRACKING_URI="http://127.0.0.1:9"
    )
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 1
    assert "Connection refused" in said
    assert "Traceback" not in said
    assert not out.exists(), "what an earlier run said must not be taken for this one's"


@pytest.mark.timeout(900)
def test_a_full_disk_ends_a_retraining_with_one_sentence_and_changes_nothing(
    world: World, small_disk: Path
) -> None:
    world.first()
    world.accept_gifts()
    out = world.folder / "retrain.json"
    process = world.command("-m", "training.retrain", "--out", str(out), "--work", str(small_disk / "work"))
    said = process.communicate(timeout=600)[1]
    assert process.returncode == 1
    # The second is SQLite's word for it, in which DVC keeps its notes.
    assert re.search(r"No space left on device|disk is full", said)
    assert "Traceback" not in said
    assert not out.exists()
    assert [version.number for version in world.registry.versions()] == ["1"]


def test_the_same_corpus_gives_the_same_bundle_to_the_bit(world: World, tmp_path: Path) -> None:
    again = train_bundle(world.bot.processed, world.bot.corpus, tmp_path / "again")
    assert again == world.bot.digest
    made = [bundles.read_manifest(folder).created for folder in (world.bot.bundle, tmp_path / "again")]
    assert all(made)
    assert made[0] != made[1], "when it was made stands beside it"


def test_a_reviewer_may_correct_a_row_and_the_last_word_holds(world: World) -> None:
    world.first()
    world.accept("p1", "I would like my parcel tracked by satellite", "cancel_order")
    second = world.retrain().challenger
    assert second is not None
    world.registry.set_alias(CHAMPION, second.split("@")[0])
    Decisions(world.store).reopen("p1", "kim")
    world.accept("p1", "I would like my parcel tracked by satellite", "track_order", Verdict.CORRECT)
    third = world.retrain().challenger
    assert third is not None
    rows = read_rows(corpus_of(world, third.split("@")[0]) / "rows.parquet")
    assert rows[rows["source"] == "review:p1"]["intent"].tolist() == ["track_order"]
    assert world.registry.get(third.split("@")[0]).aliases == (CHALLENGER,)
