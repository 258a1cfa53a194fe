"""Promotion and rollback on one machine: a real keeper and service, a real registry, real commands that are killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatbot.loop import desired_model
from chatbot.loop.registry import CHALLENGER, CHAMPION, GATE
from chatbot.model import bundle_store
from chatbot.model.bundle import verify
from chatbot.settings import TrackingSettings
from chatbot.store.folder import FolderStore
from tests.bento import bundles
from tests.bento.server import ROOT, Server
from tests.bento.steady import SteadyLoad
from tests.training.warm import Command
from training.rollout.single_machine import NotPromoted, Promotion
from training.tracking.registry import Registry
from training.tracking.runs import record

# A service is started with the first test, and each move from version to version starts another.
pytestmark = [pytest.mark.process, pytest.mark.long, pytest.mark.timeout(400)]

SLOT = "gift_card_url"


class Machine:
    """A store, a registry with four versions, and a service that the keeper keeps."""

    def __init__(self, folder: Path, model: Path, database: Path) -> None:
        self.store = FolderStore(folder / "store")
        (folder / "mlruns").mkdir()
        shutil.copyfile(database, folder / "mlruns" / "mlflow.db")
        self.tracking = TrackingSettings(
            tracking_uri=f"sqlite:///{folder}/mlruns/mlflow.db", unsent=folder / "unsent"
        )
        self.registry = Registry(self.tracking)
        self.cache = folder / "cache"
        made = {
            "1": model,
            "2": bundles.other(model, folder / "second"),
            "3": bundles.lying(model, folder / "lying"),
            "4": bundles.needing(model, folder / "needing", SLOT),
        }
        for number, bundle in made.items():
            run = record(self.tracking, f"train {number}", {}, {}, {}, {}, {}).run_id
            tags = {"corpus_digest": "c", "corpus_pointer": "{}", "git_commit": "g"}
            assert self.registry.register(run, bundle, tags).number == number
            self.registry.tag(number, GATE, "refused" if number == "3" else "passed")
            if number != "2":  # version 2 is in the registry alone
                bundle_store.push(self.store, bundle)
        self.environment = {
            "CHATBOT_STORE_URL": str(folder / "store"),
            "CHATBOT_BUNDLE_CACHE": str(self.cache),
            "MLFLOW_TRACKING_URI": self.tracking.tracking_uri,
        }
        own = {
            "CHATBOT_BUNDLE": str(model),
            "CHATBOT_RUNNER_WORKERS": "1",
            "CHATBOT_KEEPER_POLL_SECONDS": "0.2",
        }
        self.server = Server(
            folder / "server",
            own | self.environment,
            (sys.executable, "-m", "bento.keeper"),
        )

    def promotion(self, wait: float = 60) -> Promotion:
        return Promotion(self.store, self.registry, self.cache, wait_seconds=wait)

    def command(self, module: str, *arguments: str) -> Command:
        around = {name: value for name, value in os.environ.items() if not name.startswith("CHATBOT_")}
        return Command(module, arguments, ROOT, around | self.environment)

    def champion(self) -> str:
        champion = self.registry.champion()
        return champion.number if champion else ""

    def ref(self, number: str) -> str:
        return str(self.registry.get(number).ref)

    def version(self) -> str:
        return str(json.loads(self.server.get("/version")[1])["model_version"])


@pytest.fixture(scope="module")
def shared_machine(
    tmp_path_factory: pytest.TempPathFactory, bundle_folder: Path, mlflow_database: Path
) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("machine"), bundle_folder, mlflow_database)
    made.server.start()
    yield made
    assert made.server.stop() == 0


@pytest.fixture
def machine(shared_machine: Machine) -> Machine:
    """Version 1 serves and is the champion; nothing is known to have served before it."""
    first = shared_machine.ref("1")
    desired_model.ask(shared_machine.store, first, "a test")
    wait(lambda: desired_model.read(shared_machine.store).serves, 60)
    shared_machine.registry.set_alias(CHAMPION, "1")
    now = desired_model.read(shared_machine.store)
    alone = now.model_copy(update={"before": (), "taken_back": None})
    shared_machine.store.put(desired_model.KEY, alone.model_dump_json().encode())
    assert (shared_machine.version(), shared_machine.champion()) == ("1", "1")
    return shared_machine


def wait(reached: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_promotion_serves_the_version_names_it_champion_and_a_rollback_undoes_both(
    machine: Machine,
) -> None:
    with SteadyLoad(machine.server.url) as load:
        machine.registry.set_alias(CHALLENGER, "2")
        done = machine.promotion().promote()
        assert done.changed
        assert (machine.version(), machine.champion()) == ("2", "2")
        assert not machine.promotion().promote("2").changed
        assert machine.promotion().rollback().changed
        assert (machine.version(), machine.champion()) == ("1", "1")
    assert load.seen.errors == [], "more than the two restarts explain"


def test_a_version_that_the_gate_refused_or_that_fails_its_proof_never_reaches_the_service(
    machine: Machine,
) -> None:
    before = desired_model.read(machine.store)
    with pytest.raises(NotPromoted, match="the gate refused version 3"):
        machine.promotion().promote("3")
    with pytest.raises(NotPromoted, match=r"version 3 failed its preflight check: .*no_such_intent"):
        machine.promotion().promote("3", force=True)
    assert desired_model.read(machine.store) == before


def test_a_version_that_does_not_start_is_rolled_back_and_the_champion_stays(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It proves itself here, where the slot has a value; the service's environment has none.
    monkeypatch.setenv(f"CHATBOT_SLOT_{SLOT.upper()}", "https://shop.example.com/gift-cards")
    with SteadyLoad(machine.server.url) as load, pytest.raises(NotPromoted, match=SLOT) as refused:
        machine.promotion().promote("4")
    assert "was rolled back, 1@" in str(refused.value)
    assert load.seen.failures == []
    assert (machine.version(), machine.champion()) == ("1", "1")
    machine.registry.set_alias(CHALLENGER, "4")
    assert "version 4 is not tried again" in machine.promotion().promote().sentence


def test_without_a_supervisor_a_promotion_is_rolled_back_and_says_so(
    tmp_path: Path, machine: Machine
) -> None:
    elsewhere = FolderStore(tmp_path / "store")
    promotion = Promotion(elsewhere, machine.registry, machine.cache, wait_seconds=0.5)
    with pytest.raises(NotPromoted, match=r"it did not serve within 0\.5 s.*make run"):
        promotion.promote("2")
    assert desired_model.read(elsewhere).model == ""
    assert bundle_store.held(elsewhere, machine.registry.get("2").bundle_digest)


def test_the_commands_do_the_same_and_read_what_a_retraining_accepted(
    machine: Machine, tmp_path: Path
) -> None:
    result = tmp_path / "retrain.json"
    result.write_text(json.dumps({"outcome": "needs_review"}))
    waiting = machine.command("training.promote", "--result", str(result))
    assert "nothing to promote" in waiting.communicate(timeout=60)[1]
    assert waiting.returncode == 0
    result.write_text(json.dumps({"outcome": "accepted", "challenger": str(machine.registry.get("2").ref)}))
    promoted = machine.command("training.promote", "--result", str(result))
    promoted.communicate(timeout=90)
    assert promoted.returncode == 0
    assert machine.version() == "2"
    first = tmp_path / "first.json"
    unset = {"outcome": "accepted", "challenger": str(machine.registry.get("1").ref), "only_unset": True}
    first.write_text(json.dumps(unset))
    kept = machine.command("training.promote", "--result", str(first))
    assert "nothing to promote: 2@" in " ".join(kept.communicate(timeout=60)[1].split())
    assert machine.version() == "2"
    back = machine.command("training.rollback")
    back.communicate(timeout=90)
    assert back.returncode == 0
    assert machine.version() == "1"
    again = machine.command("training.promote", "--result", str(result))
    assert "served earlier and was rolled back" in again.communicate(timeout=60)[1]
    assert again.returncode == 0
    assert machine.version() == "1"
    unknown = machine.command("training.promote", "17")
    assert "has no version '17'" in unknown.communicate(timeout=60)[1]
    assert unknown.returncode == 1
    assert verify(machine.cache / machine.registry.get("1").bundle_digest)


def test_a_killed_promotion_is_resumed_by_the_next_run(machine: Machine) -> None:
    machine.registry.set_alias(CHALLENGER, "1")
    killed = machine.command("training.promote", "2")
    wait(lambda: desired_model.read(machine.store).model != str(machine.registry.get("1").ref))
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    assert machine.champion() == "1"
    again = machine.command("training.promote")
    _, said = again.communicate(timeout=90)
    assert again.returncode == 0, said
    assert "resuming 2@" in said
    assert (machine.version(), machine.champion()) == ("2", "2")
