"""The rollout on one machine, killed at any operation of the store or the registry; in memory, without waiting."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from chatbot.errors import Conflict
from chatbot.loop import desired_model
from chatbot.loop.registry import BUNDLE_DIGEST, CHAMPION, GATE, GATE_AGAINST, ModelVersion
from chatbot.runtime import Runtime
from chatbot.store.folder import FolderStore
from training.rollout.single_machine import NotPromoted, Promotion, prove
from training.tracking.registry import Registry

ONE, TWO, THREE = (f"{number}@{str(number) * 64}" for number in (1, 2, 3))


class Killed(BaseException):
    """The command was killed."""


class World(Runtime):
    """A store, a registry and a supervisor, which acts whenever the command waits."""

    def __init__(self, folder: Path) -> None:
        self.store = HookedStore(folder, self)
        self.aliases = {CHAMPION: "1"}
        self.against = "1" * 64
        """The bundle that the gate compared each version with."""
        self.broken: set[str] = set()
        self.has_supervisor = True
        self.seconds = 0.0
        self.operations = 0
        self.hook: Callable[[int], object] = lambda _: None
        desired_model.ask(self.store, ONE, "a test")
        desired_model.confirm(self.store, ONE)
        self.operations = 0

    def operate(self) -> None:
        self.operations += 1
        self.hook(self.operations)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self.has_supervisor:
            self.supervise()

    def monotonic(self) -> float:
        return self.seconds

    def supervise(self) -> None:
        """Act as the supervisor: confirm the desired model, or roll it back."""
        plain = FolderStore(self.store.folder)
        model = desired_model.read(plain).model
        if model in self.broken:
            desired_model.roll_back(plain, model, "it does not start")
        else:
            desired_model.confirm(plain, model)

    # the registry

    def get(self, number: str) -> Any:
        self.operate()
        tags = {BUNDLE_DIGEST: number * 64, GATE: "passed", GATE_AGAINST: self.against}
        return ModelVersion.parse(number, "", 0, tags, self.aliases)

    def champion(self) -> Any:
        return self.get(self.aliases[CHAMPION])

    def challenger(self) -> Any:
        return self.get("2")

    def set_alias(self, name: str, number: str) -> None:
        self.operate()
        self.aliases[name] = number

    def promotion(self) -> Promotion:
        return Promotion(self.store, cast("Registry", self), self.store.folder, wait_seconds=5, runtime=self)

    @property
    def state(self) -> tuple[str, str]:
        return desired_model.read(FolderStore(self.store.folder)).model, self.aliases[CHAMPION]


class HookedStore(FolderStore):
    """A store whose operations can be interrupted."""

    def __init__(self, folder: Path, world: World) -> None:
        super().__init__(folder)
        self.folder = folder
        self.world = world

    def head(self, key: str) -> Any:
        self.world.operate()
        return super().head(key)

    def put(self, key: str, data: bytes, *, new: bool = False, etag: str = "") -> str:
        self.world.operate()
        return super().put(key, data, new=new, etag=etag)


@pytest.fixture
def new_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], World]:
    """Create worlds whose bundles pass the preflight check."""
    monkeypatch.setattr("training.rollout.single_machine.fetch_bundle", lambda *_: tmp_path)
    monkeypatch.setattr("training.rollout.single_machine.prove", lambda _: "")
    count = iter(range(1000))
    return lambda: World(tmp_path / str(next(count)))


def operations(world: World, **named: Any) -> range:
    """Run a promotion; return the numbers of its operations."""
    world.promotion().promote(**named)
    return range(1, world.operations + 1)


def test_a_promotion_serves_the_challenger_and_makes_it_champion(new_world: Callable[[], World]) -> None:
    world = new_world()
    done = world.promotion().promote()
    assert (done.model, done.changed) == (TWO, True)
    assert world.state == (TWO, "2")
    assert not world.promotion().promote().changed


@pytest.mark.parametrize("named", [{}, {"number": "2", "by_itself": True}], ids=["challenger", "result"])
def test_a_promotion_killed_at_any_operation_is_resumed_by_the_next(
    new_world: Callable[[], World], named: dict[str, Any]
) -> None:
    for number in operations(new_world(), **named):
        world = new_world()

        def kill(reached: int, number: int = number) -> None:
            if reached == number:
                raise Killed

        world.hook = kill
        with pytest.raises(Killed):
            world.promotion().promote(**named)
        world.promotion().promote(**named)
        assert world.state == (TWO, "2"), number


def test_a_version_that_does_not_start_is_rolled_back_even_if_the_command_was_killed_meanwhile(
    new_world: Callable[[], World],
) -> None:
    world = new_world()
    world.broken = {TWO}
    with pytest.raises(NotPromoted, match=r"2@.* was rolled back, 1@.* is serving: it does not start"):
        world.promotion().promote()
    assert world.state == (ONE, "1")
    said = world.promotion().promote().sentence
    assert (
        said
        == "nothing to promote: version 2 is not tried again: it does not start. Name it to try it all the same"
    )


def test_without_a_supervisor_a_promotion_ends_in_time_and_is_rolled_back(
    new_world: Callable[[], World],
) -> None:
    world = new_world()
    world.has_supervisor = False
    with pytest.raises(NotPromoted, match=r"it did not serve within 5 s.*make run"):
        world.promotion().promote()
    assert world.state == (ONE, "1")
    assert world.seconds < 6


def test_a_version_that_serves_at_the_last_moment_is_not_rolled_back(new_world: Callable[[], World]) -> None:
    """The supervisor confirms it between the timeout and the rollback."""
    world = new_world()
    world.has_supervisor = False

    def confirm(_: int) -> None:
        if world.seconds > 5:
            world.supervise()

    world.hook = confirm
    assert world.promotion().promote().changed
    assert world.state == (TWO, "2")


def test_the_person_who_requests_another_version_at_any_operation_wins(
    new_world: Callable[[], World],
) -> None:
    numbers = operations(new_world())
    superseded = 0
    for number in numbers:
        world = new_world()

        def request(reached: int, number: int = number, world: World = world) -> None:
            if reached == number:
                desired_model.ask(FolderStore(world.store.folder), THREE, "another person")

        world.hook = request
        try:
            world.promotion().promote("2")
        except NotPromoted as error:
            message = str(error)
        else:
            continue
        superseded += 1
        assert "3@333333333333… was requested meanwhile (another person)" in message, number
        assert world.state[0] == THREE, number
    assert superseded >= 5


def test_a_promotion_repeats_a_write_that_conflicts(new_world: Callable[[], World]) -> None:
    world = new_world()
    conflicts: list[int] = []
    put = world.store.put

    def conflict(*arguments: Any, **options: Any) -> str:
        if len(conflicts) < 3:
            conflicts.append(0)
            raise Conflict("changed")
        return put(*arguments, **options)

    world.store.put = conflict  # type: ignore[method-assign]
    assert world.promotion().promote().changed


def test_the_model_that_a_rollback_returns_to_can_be_promoted_before_it_serves_again(
    new_world: Callable[[], World],
) -> None:
    world = new_world()
    desired_model.ask(world.store, TWO, "a test")
    desired_model.roll_back(world.store, TWO, "it does not start")
    world.aliases[CHAMPION] = "3"
    assert world.promotion().promote("1").changed
    assert world.state == (ONE, "1")


@pytest.mark.parametrize(
    ("serving", "champion", "against", "expected"),
    [
        pytest.param(ONE, "1", "1", TWO, id="the serving one"),
        pytest.param(ONE, "1", "3", ONE, id="another one"),
        pytest.param("", "1", "1", TWO, id="the champion, which the code contains"),
        pytest.param("", "1", "3", "", id="another one than the code contains"),
    ],
)
@pytest.mark.parametrize("number", ["2", ""])
def test_a_challenger_is_promoted_by_itself_only_over_the_version_it_was_judged_against(
    new_world: Callable[[], World], serving: str, champion: str, against: str, expected: str, number: str
) -> None:
    world = new_world()
    desired_model.ask(world.store, serving, "a test")
    desired_model.confirm(world.store, serving)
    world.aliases[CHAMPION] = champion
    world.against = against * 64
    done = world.promotion().promote(number, by_itself=bool(number))
    assert done.model == world.state[0] == expected
    assert ("the next retraining compares them again" in done.sentence) == (expected != TWO)
    assert world.promotion().promote("2").model == TWO, "a person may"


def test_a_failed_preflight_check_ends_an_automatic_promotion_and_is_recorded(
    new_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an error, a schedule repeats it every minute."""
    world = new_world()
    checks: list[Path] = []

    def refuse(folder: Path) -> str:
        checks.append(folder)
        return "encoder.onnx is damaged"

    monkeypatch.setattr("training.rollout.single_machine.prove", refuse)
    done = world.promotion().promote("2", by_itself=True)
    assert not done.changed
    assert (
        done.sentence == "nothing to promote: version 2 failed its preflight check: encoder.onnx is damaged"
    )
    assert world.state == (ONE, "1")
    recorded = desired_model.read(world.store)
    assert recorded.taken_back
    assert (recorded.taken_back.model, recorded.serves) == (TWO, True)
    assert "failed its preflight check" in world.promotion().promote("2", by_itself=True).sentence
    assert len(checks) == 1
    with pytest.raises(NotPromoted, match="failed its preflight check: encoder"):
        world.promotion().promote("2")


@pytest.mark.parametrize("ended", ["late", "killed"])
def test_a_preflight_check_that_did_not_end_is_an_error_and_the_next_run_repeats_it(
    new_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch, ended: str
) -> None:
    """As a recorded refusal, a slow machine would never serve the version."""
    world = new_world()

    def check(command: list[str], **_: Any) -> Any:
        if ended == "late":
            raise subprocess.TimeoutExpired(command, 120)
        return subprocess.CompletedProcess(command, -signal.SIGKILL, "", "")

    with monkeypatch.context() as patch:
        patch.setattr("training.rollout.single_machine.prove", prove)
        patch.setattr("subprocess.run", check)
        with pytest.raises(NotPromoted, match=r"the preflight check (did not end|was killed).* run it again"):
            world.promotion().promote("2", by_itself=True)
    assert world.promotion().promote("2", by_itself=True).changed


def test_the_refusal_of_a_corpus_s_first_version_is_an_error_even_by_itself(
    new_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the command ends with 0, and nothing ever serves the corpus."""
    world = new_world()
    monkeypatch.setattr("training.rollout.single_machine.prove", lambda _: "a slot has no value")
    with pytest.raises(NotPromoted, match="version 2 failed its preflight check: a slot has no value"):
        world.promotion().promote("2", by_itself=True, first=True)
    assert desired_model.read(world.store).taken_back is None
