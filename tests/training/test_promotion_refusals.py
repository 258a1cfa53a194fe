"""What a promotion or a rollback refuses, and what it says then; no service is needed to refuse."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatbot.loop import desired_model
from chatbot.loop.registry import CHALLENGER, CHAMPION, GATE
from tests.training.test_promotion import Machine
from training.rollout.single_machine import NotPromoted

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, bundle_folder: Path, mlflow_database: Path) -> Machine:
    """A store and a registry; nothing serves."""
    return Machine(tmp_path_factory.mktemp("machine"), bundle_folder, mlflow_database)


@pytest.fixture
def machine(shared: Machine) -> Machine:
    """Version 1 serves and is champion, and nothing served before it."""
    shared.store.delete(desired_model.KEY)
    desired_model.ask(shared.store, shared.ref("1"), "a test")
    desired_model.confirm(shared.store, shared.ref("1"))
    shared.registry.set_alias(CHAMPION, "1")
    shared.registry.set_alias(CHALLENGER, "1")
    shared.registry.tag("2", GATE, "passed")
    return shared


@pytest.fixture
def keeper(machine: Machine) -> Iterator[None]:
    """Whatever is asked for serves."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(0.05):
            desired_model.confirm(machine.store, desired_model.read(machine.store).model)

    thread = threading.Thread(target=keep)
    thread.start()
    yield
    over.set()
    thread.join()


def test_the_champion_as_its_own_challenger_is_nothing_to_promote(machine: Machine) -> None:
    done = machine.promotion().promote()
    assert (done.changed, done.sentence) == (False, "nothing to promote: no challenger is registered")


@pytest.mark.parametrize(("verdict", "says"), [("", "has not judged"), ("refused", "refused")])
def test_a_version_that_the_gate_did_not_accept_is_promoted_only_with_force(
    machine: Machine, keeper: None, verdict: str, says: str
) -> None:
    machine.registry.tag("2", GATE, verdict)
    with pytest.raises(NotPromoted, match=f"the gate {says}.*--force"):
        machine.promotion().promote("2")
    assert desired_model.read(machine.store).model == machine.ref("1")
    assert machine.promotion().promote("2", force=True).changed
    assert machine.champion() == "2"


def test_a_version_with_the_verdict_warned_may_serve(machine: Machine, keeper: None) -> None:
    machine.registry.tag("2", GATE, "warned")
    assert machine.promotion().promote("2").changed


def test_a_serving_version_that_is_not_champion_becomes_champion(machine: Machine) -> None:
    machine.registry.set_alias(CHAMPION, "2")
    done = machine.promotion().promote("1")
    assert (done.changed, machine.champion()) == (False, "1")
    assert "is already serving" in done.sentence


def test_an_interrupted_promotion_is_resumed_before_a_newer_challenger_is_promoted(
    machine: Machine, keeper: None
) -> None:
    desired_model.ask(machine.store, machine.ref("2"), "a test")
    machine.registry.set_alias(CHALLENGER, "4")
    assert machine.promotion().promote().model == machine.ref("2")
    assert machine.champion() == "2"


def test_without_an_earlier_version_a_rollback_needs_a_named_one(machine: Machine, keeper: None) -> None:
    with pytest.raises(NotPromoted, match=r"no version served before 1@.*training\.versions"):
        machine.promotion().rollback()
    assert machine.promotion().rollback("2").model == machine.ref("2")


def test_a_rolled_back_version_is_promoted_again_only_by_name(machine: Machine, keeper: None) -> None:
    machine.registry.set_alias(CHALLENGER, "2")
    assert machine.promotion().promote().changed
    assert machine.promotion().rollback().changed
    again = machine.promotion().promote()
    assert not again.changed
    assert "served earlier and was rolled back" in again.sentence
    assert machine.promotion().promote("2").changed


def test_a_rollback_skips_the_bundle_that_ships_with_the_code(machine: Machine, keeper: None) -> None:
    desired_model.ask(machine.store, "", "a test")
    desired_model.confirm(machine.store, "")
    desired_model.ask(machine.store, machine.ref("2"), "a test")
    desired_model.confirm(machine.store, machine.ref("2"))
    assert machine.promotion().rollback().model == machine.ref("1")


def test_a_rollback_to_a_bundle_that_another_registry_named_is_refused(machine: Machine) -> None:
    desired_model.ask(machine.store, f"2@{'e' * 64}", "a test")
    desired_model.confirm(machine.store, f"2@{'e' * 64}")
    desired_model.ask(machine.store, machine.ref("1"), "a test")
    with pytest.raises(NotPromoted, match="this is another registry"):
        machine.promotion().rollback()
    assert desired_model.read(machine.store).model == machine.ref("1")


def test_a_superseded_promotion_says_so_and_moves_no_alias(machine: Machine) -> None:
    def overtake() -> None:
        while desired_model.read(machine.store).model != machine.ref("2"):
            time.sleep(0.01)
        desired_model.ask(machine.store, machine.ref("4"), "another person")

    other = threading.Thread(target=overtake)
    other.start()
    with pytest.raises(NotPromoted, match=r"4@.* was requested meanwhile \(another person\)"):
        machine.promotion().promote("2")
    other.join()
    assert machine.champion() == "1"


def test_a_full_disk_ends_a_promotion_with_one_sentence_and_the_serving_model_stays(
    machine: Machine, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(machine.environment, "CHATBOT_BUNDLE_CACHE", str(small_disk / "cache"))
    refused = machine.command("training.promote", "4")
    said = refused.communicate(timeout=60)[1]
    assert refused.returncode == 1
    assert "No space left on device" in said
    assert "Traceback" not in said
    assert desired_model.read(machine.store).model == machine.ref("1")
    assert list((small_disk / "cache").iterdir()) == [], "what was half fetched is gone"
