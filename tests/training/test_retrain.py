"""Retraining: what it makes, with a real MinIO and MLflow server or without; what it refuses."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chatbot.loop.registry import CHALLENGER, CHAMPION
from chatbot.loop.retrain_result import RetrainResult
from chatbot.model import bundle as bundles
from chatbot.model.bundle_store import held
from chatbot.records.erasure import mark_forgotten
from chatbot.store import layout
from chatbot.store.lease import StoreLease
from data.errors import CorpusError
from data.process import run as process_run
from data.processing import ProcessParams, read_processed
from tests.support.lease import lease_holder
from tests.training.loop_world import GIFT, GIFTS, ROOT, SmallBot, World, train_bundle
from tests.training.remembered import Trainings
from training.corpus.files import read_rows
from training.gate.verdict import GateVerdict
from training.retraining import run as retraining
from training.retraining.config import CannotRetrain
from training.retraining.publish import publish
from training.review.decisions import DecisionKind, Decisions
from training.review.labels import put_findings
from training.tracking.client import connected

pytestmark = [pytest.mark.long, pytest.mark.process]


def test_the_first_version_is_made_once_with_its_corpus_and_its_bundle(world: World) -> None:
    with pytest.raises(CannotRetrain, match="--first"):
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
    pulled = world.corpus_of("1")
    assert (pulled / "corpus.parquet").read_bytes() == (world.bot.processed / "corpus.parquet").read_bytes()
    before = world.keys()
    assert world.first() == (version, False)
    assert world.keys() == before
    assert len(world.runs()) == 1


def test_a_bundle_of_a_newer_image_is_a_version_more_and_the_champion_stays(
    local: World, tmp_path: Path
) -> None:
    corpus, processed, bundle = (tmp_path / name for name in ("corpus", "processed", "bundle"))
    shutil.copytree(local.bot.corpus, corpus)
    file = corpus / "intents" / "get_refund.yaml"
    file.write_text(file.read_text() + "  kindly hand me back what I paid\n")
    process_run(corpus, processed, ProcessParams())
    local.bot = SmallBot(corpus, processed, bundle, train_bundle(processed, corpus, bundle))
    version, made = local.first()
    assert made
    assert (version.number, version.aliases, version.bundle_digest) == ("2", (), local.bot.digest)
    assert held(local.store, local.bot.digest)
    champion = local.registry.champion()
    assert champion is not None
    assert local.first() == (champion, False)
    assert champion.number == "1"


def test_a_bundle_of_another_corpus_is_not_registered(world: World) -> None:
    world.bot = replace(world.bot, corpus=ROOT / "data" / "corpus")
    with pytest.raises(CannotRetrain, match="train it on this corpus first"):
        world.first()
    assert world.registry.versions() == []


def test_with_nothing_new_it_needs_review_says_how_much_waits_and_changes_nothing(local: World) -> None:
    """As a user starts it: a new process, which starts DVC as one."""
    from tests.training.review_tools import fill, strange

    fill(local.store, [strange("does the blue whale sing"), strange("is my bread gluten free")])
    before, recorded = local.keys(), local.runs()
    out, work = local.folder / "retrain.json", local.folder / "work"
    command = [sys.executable, "training/retrain.py", "--out", str(out), "--work", str(work)]
    done = subprocess.run(
        command, cwd=ROOT, env=local.environment(), capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stderr
    result = RetrainResult.load(out)
    assert (result.outcome, result.queue, result.challenger) == ("needs_review", 2, None)
    assert "2 messages are in the review queue" in result.why
    assert "training.review" in result.why
    assert local.keys() == before
    assert local.runs() == recorded
    assert [version.aliases for version in local.registry.versions()] == [(CHAMPION,)]


def test_accepted_messages_of_a_new_intent_become_a_challenger_that_answers_them(world: World) -> None:
    first, _ = world.first()
    world.accept_gifts()
    # Another seed would give every group anew, if what was given before did not hold.
    world.config = replace(world.config, process=ProcessParams(seed=5))
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
    arrived = {check["name"]: check["numbers"].get("arrived") for check in gate["checks"]}
    assert arrived["suspect_labels"] == len(GIFTS)
    assert world.store.head(result.gate["report"]) is not None

    before, now = read_processed(world.corpus_of("1")), read_processed(world.corpus_of(challenger.number))
    assert now["row_hash"].isin(before["row_hash"]).sum() == len(before), "every row teaches"
    gifts = now[now["intent"] == GIFT]
    assert set(gifts["source"]) <= {f"review:p{number:03}" for number in range(len(GIFTS))}
    with connected(world.config.tracking) as client:
        data = client.get_run(challenger.run_id).data
        files = {file.path for file in client.list_artifacts(challenger.run_id, "gate")}
    assert files == {"gate/gate.html", "gate/gate.json"}
    own = gate["challenger"]["scores"]
    assert own == dict(challenger.scores) == {name: data.metrics[name] for name in own}
    tags = data.tags
    assert tags["bundle_digest"] == challenger.bundle_digest
    assert tags["corpus_pointer"] == challenger.corpus_pointer
    assert tags["gate"] == challenger.verdict


def test_the_same_again_is_the_same_challenger(local: World) -> None:
    local.accept_gifts()
    result = local.retrain()
    before = local.keys()
    assert local.retrain() == result
    assert local.keys().keys() == before.keys()
    assert len(local.registry.versions()) == 2
    assert len(local.runs()) == 2


def test_poisoned_rows_are_refused_and_the_registry_records_it(local: World) -> None:
    rows = read_rows(local.corpus_of("1") / "rows.parquet")
    # Three wrong rows for each right one, in words of its own.
    for number, message in enumerate(rows[rows["intent"] == "get_refund"]["message"]):
        for ending in ("now", "please", "today"):
            local.accept(f"q{number:03}{ending[0]}", f"{message} {ending}", "delete_account")
    result = local.retrain()
    assert result.outcome == "refused"
    assert result.gate["refused_by"]
    challenger = local.registry.challenger()
    assert challenger is not None
    assert challenger.verdict == "refused"
    champion = local.registry.champion()
    assert champion is not None
    assert champion.number == "1"


def test_what_is_forgotten_or_taken_back_leaves_the_corpus_of_every_later_version(local: World) -> None:
    local.accept_gifts()
    second = local.registry.get(local.retrain().challenger.split("@")[0])  # type: ignore[union-attr]
    local.registry.set_alias(CHAMPION, second.number)
    mark_forgotten(local.store, "p007", datetime.now(UTC))
    Decisions(local.store).reopen("p011", "kim")
    result = local.retrain()
    assert result.corpus["removed"] == 2
    assert result.challenger is not None
    folder = local.corpus_of(result.challenger.split("@")[0])
    for file in (folder / "rows.parquet", folder / "corpus.parquet"):
        sources = set(read_rows(file)["source"])
        assert "review:p006" in sources
        assert not {"review:p007", "review:p011"} & sources
    assert GIFTS[7] not in (folder / "replies.yaml").read_text()


def test_what_is_erased_during_the_training_is_not_published_and_the_next_run_leaves_it_out(
    local: World, trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.accept_gifts()
    before = local.keys()

    def erase_first(*given: Any, **named: Any) -> GateVerdict:
        mark_forgotten(local.store, "p007", datetime.now(UTC))
        return trainings.judge(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(retraining, "judge_corpora", erase_first)
        with pytest.raises(CannotRetrain, match=r"erased during the training.*again"):
            local.retrain()
    assert set(local.keys()) - set(before) == {"forgotten/p007.json", layout.ERASURE_LEASE}
    assert local.registry.challenger() is None
    assert not local.config.work.exists(), "nor is it left on this machine"
    challenger = local.retrain().challenger
    assert challenger is not None
    assert "review:p007" not in set(
        read_rows(local.corpus_of(challenger.split("@")[0]) / "rows.parquet")["source"]
    )


def test_an_erasure_waits_until_the_copies_of_a_retraining_are_registered(
    local: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it finds no corpus yet, or deletes one that the version then points to."""
    local.accept_gifts()
    holders: list[str] = []

    def held(call: Callable[..., Any]) -> Callable[..., Any]:
        def calling(*given: Any, **named: Any) -> Any:
            holders.append(lease_holder(local.store, layout.ERASURE_LEASE))
            done = call(*given, **named)
            holders.append(lease_holder(local.store, layout.ERASURE_LEASE))
            return done

        return calling

    monkeypatch.setattr(retraining, "put_findings", held(put_findings))
    monkeypatch.setattr(retraining, "publish", held(publish))
    local.retrain()
    assert len(holders) == 4
    assert "" not in holders
    assert lease_holder(local.store, layout.ERASURE_LEASE) == ""


def test_an_erasure_that_takes_too_long_is_an_error_and_not_another_retraining(
    local: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `LeaseHeld`, the command would call it busy, or a given corpus would be trained again and again."""
    local.accept_gifts()
    monkeypatch.setattr(retraining, "ERASURE_WAIT", 0.0)
    with (
        StoreLease(local.store, layout.ERASURE_LEASE, 0.3),
        pytest.raises(CannotRetrain, match=r"an erasure rewrites copies.*: run the retraining again"),
    ):
        local.retrain()
    assert local.registry.challenger() is None


def test_a_row_that_cannot_be_taught_is_named_with_its_review(local: World) -> None:
    local.accept("p1", "cancel\x00 it", "cancel_order")
    with pytest.raises(CorpusError, match="review:p1"):
        local.retrain()
    assert len(local.registry.versions()) == 1


def test_the_same_corpus_gives_the_same_bundle_to_the_bit(small_bot: SmallBot, tmp_path: Path) -> None:
    again = train_bundle(small_bot.processed, small_bot.corpus, tmp_path / "again")
    assert again == small_bot.digest
    made = [bundles.read_manifest(folder).created for folder in (small_bot.bundle, tmp_path / "again")]
    assert all(made)
    assert made[0] != made[1], "when it was made stands beside it"


def test_a_reviewer_may_correct_a_row_and_the_last_word_holds(local: World) -> None:
    local.accept("p1", "I would like my parcel tracked by satellite", "cancel_order")
    second = local.retrain().challenger
    assert second is not None
    local.registry.set_alias(CHAMPION, second.split("@")[0])
    Decisions(local.store).reopen("p1", "kim")
    local.accept("p1", "I would like my parcel tracked by satellite", "track_order", DecisionKind.CORRECT)
    third = local.retrain().challenger
    assert third is not None
    rows = read_rows(local.corpus_of(third.split("@")[0]) / "rows.parquet")
    assert rows[rows["source"] == "review:p1"]["intent"].tolist() == ["track_order"]
    assert local.registry.get(third.split("@")[0]).aliases == (CHALLENGER,)
