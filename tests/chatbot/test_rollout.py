"""The rollout state machine on a platform in memory: interrupted, in conflict and superseded at every operation."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from chatbot.errors import ChatbotError, Conflict
from chatbot.loop.desired_model import DesiredModel, RolledBackModel
from chatbot.loop.rollout.machine import Contended, RolloutMachine, Snapshot, Superseded, check_current
from chatbot.loop.rollout.state import Failure, Phase, RolloutOutcome, RolloutState, block
from chatbot.runtime import Runtime

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE, TWO, THREE = (f"{number}@{str(number) * 64}" for number in (1, 2, 3))
DIGESTS = {model: model.partition("@")[2] for model in (ONE, TWO, THREE)}


class Killed(BaseException):
    """The process was killed."""


class Clock(Runtime):
    """Clock that advances by a second at each reading."""

    def __init__(self) -> None:
        self._seconds = itertools.count()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=next(self._seconds))


@dataclass
class World:
    """Durable state of a platform, as JSON, and the operations on it so far."""

    stored: str = ""
    model: str = ONE
    blocked: tuple[str, ...] = ()
    version: int = 0
    champion: str = ONE
    failures: dict[Phase, Failure] = field(default_factory=dict)
    announced: list[str] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    @property
    def state(self) -> RolloutState:
        return RolloutState.model_validate_json(self.stored)

    def machine(self, hook: Callable[[str, int], None] = lambda _when, _number: None) -> RolloutMachine[int]:
        """Return a machine of another process; the hook is called before and after each operation."""
        return RolloutMachine(MemoryPlatform(self, hook), self.clock)

    def run(
        self, hook: Callable[[str, int], None] = lambda _when, _number: None, by_hand: bool = False
    ) -> None:
        """Resume what is in progress, then roll TWO out unless that is done or blocked, as the commands do."""
        machine = self.machine(hook)
        machine.resume()
        if self.model != TWO and DIGESTS[TWO] not in self.blocked:
            machine.resume(machine.start(TWO, "a test", by_hand=by_hand))

    def set_by_hand(self) -> None:
        """Set another model without the machine, as `kubectl patch` does."""
        self.model, self.version = THREE, self.version + 1

    def touch(self) -> None:
        """Change something unrelated."""
        self.version += 1


class MemoryPlatform:
    """A platform in memory whose operations can be interrupted."""

    name = "the test"

    def __init__(self, world: World, hook: Callable[[str, int], None]) -> None:
        self.world = world
        self.hook = hook
        self.ids = itertools.count()

    def operate(self, name: str, act: Callable[[], object]) -> None:
        number = len(self.world.operations)
        self.world.operations.append(name)
        self.hook(f"before {name}", number)
        act()
        self.hook(f"after {name}", number)

    def new_id(self, target: str) -> str:
        return f"{target}-{self.world.version}-{next(self.ids)}"

    def read(self) -> Snapshot[int]:
        found: list[Snapshot[int]] = []

        def act() -> None:
            world = self.world
            state = world.state if world.stored else None
            found.append(Snapshot(state, world.model, world.blocked, world.version))

        self.operate("read", act)
        return found[0]

    def write(
        self, snapshot: Snapshot[int], rollout: RolloutState, model: str, blocked: tuple[str, ...]
    ) -> None:
        def act() -> None:
            world = self.world
            if world.version != snapshot.version:
                raise Conflict("changed")
            world.stored, world.model, world.blocked = rollout.model_dump_json(), model, blocked
            world.version += 1

        self.operate(f"write {rollout.phase.value}", act)

    def carry_out(self, rollout: RolloutState) -> Failure | None:
        check_current(self, rollout, self.read())
        if rollout.phase is Phase.NAMING:

            def act() -> None:
                self.world.champion = rollout.target

            self.operate("name", act)
        return self.world.failures.get(rollout.phase)

    def announce(self, snapshot: Snapshot[int], rollout: RolloutState) -> None:
        self.world.announced.append(rollout.outcome.value if rollout.outcome else rollout.phase.value)

    def describe(self, model: str) -> str:
        return model[:1]


BROKEN = Failure("it does not start", ("not_ready",))


@dataclass(frozen=True)
class Case:
    """A rollout of TWO over ONE with its expected result."""

    failures: dict[Phase, Failure]
    outcome: RolloutOutcome
    announced: tuple[str, ...]
    serves: str = TWO
    blocked: tuple[str, ...] = ()
    by_hand: bool = False

    def world(self) -> World:
        return World(failures=dict(self.failures))

    def assert_reached(self, world: World, context: object = "") -> None:
        assert (world.model, world.champion) == (self.serves, self.serves), context
        assert world.state.outcome is self.outcome, context
        assert (world.state.target, world.state.previous) == (TWO, ONE), context
        assert world.blocked == self.blocked, context


TAKEN_BACK = ("rolling", "taking-back", "taken_back")
CASES = {
    "promoted": Case({}, RolloutOutcome.PROMOTED, ("rolling", "watching", "naming", "promoted")),
    "not ready": Case({Phase.ROLLING: BROKEN}, RolloutOutcome.TAKEN_BACK, TAKEN_BACK, ONE, (DIGESTS[TWO],)),
    "worse": Case(
        {Phase.WATCHING: BROKEN},
        RolloutOutcome.TAKEN_BACK,
        ("rolling", "watching", "taking-back", "taken_back"),
        ONE,
        (DIGESTS[TWO],),
    ),
    "by hand": Case(
        {},
        RolloutOutcome.ROLLED_BACK,
        ("rolling", "naming", "rolled_back"),
        TWO,
        (DIGESTS[ONE],),
        by_hand=True,
    ),
    "by hand, not ready": Case(
        {Phase.ROLLING: BROKEN}, RolloutOutcome.TAKEN_BACK, TAKEN_BACK, ONE, (DIGESTS[TWO],), by_hand=True
    ),
}
all_cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def operations(case: Case) -> list[str]:
    """Return the operations of an undisturbed run."""
    world = case.world()
    world.run(by_hand=case.by_hand)
    return world.operations


def at(when: str, number: int, action: Callable[[], object]) -> Callable[[str, int], None]:
    """Return a hook that acts before or after one operation."""

    def hook(name: str, reached: int) -> None:
        if name.startswith(when) and reached == number:
            action()

    return hook


def kill() -> None:
    raise Killed


@all_cases
def test_an_undisturbed_rollout_passes_through_its_phases(case: Case) -> None:
    world = case.world()
    world.run(by_hand=case.by_hand)
    case.assert_reached(world)
    assert tuple(world.announced) == case.announced


@all_cases
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_killed_at_any_operation_is_resumed_to_the_same_result(case: Case, when: str) -> None:
    for number, operation in enumerate(operations(case)):
        world = case.world()
        with pytest.raises(Killed):
            world.run(at(when, number, kill), by_hand=case.by_hand)
        begun = world.stored and world.state.id
        world.run(by_hand=case.by_hand)
        case.assert_reached(world, f"killed {when} {operation}")
        assert not begun or world.state.id == begun, "the rollout is resumed, not started again"
        assert len(set(world.announced)) == len(world.announced), operation


@all_cases
def test_a_rollout_killed_after_every_write_reaches_the_same_result(case: Case) -> None:
    world, runs = case.world(), 0

    def kill_after_write(name: str, _: int) -> None:
        if name.startswith("after write"):
            kill()

    while True:
        try:
            world.run(kill_after_write, by_hand=case.by_hand)
        except Killed:
            runs += 1
            continue
        break
    assert runs == len(case.announced)
    case.assert_reached(world)


@all_cases
def test_another_run_changes_nothing(case: Case) -> None:
    world = case.world()
    world.run(by_hand=case.by_hand)
    version = world.version
    world.run(by_hand=case.by_hand)
    assert world.version == version


@all_cases
def test_an_unrelated_change_before_any_write_costs_one_more_attempt(case: Case) -> None:
    undisturbed = operations(case)
    writes = [number for number, operation in enumerate(undisturbed) if operation.startswith("write")]
    for number in writes:
        world = case.world()
        world.run(at("before", number, world.touch), by_hand=case.by_hand)
        case.assert_reached(world, number)
        assert tuple(world.announced) == case.announced
        assert len(world.operations) == len(undisturbed) + 2, "one read and one write"


@all_cases
def test_a_write_whose_response_is_lost_is_recognised_as_the_runs_own(case: Case) -> None:
    def lose() -> None:
        raise Conflict("the repeated request met its own change")

    for number, operation in enumerate(operations(case)):
        if operation.startswith("write"):
            world = case.world()
            world.run(at("after", number, lose), by_hand=case.by_hand)
            case.assert_reached(world, operation)
            assert tuple(world.announced) == case.announced, operation


@all_cases
def test_a_phase_that_another_actor_finished_first_is_adopted_and_announced_once(case: Case) -> None:
    undisturbed = operations(case)
    for number in range(undisturbed.index("write rolling") + 1, len(undisturbed)):
        world = case.world()

        def finish(world: World = world) -> None:
            world.machine().resume()

        world.run(at("before", number, finish), by_hand=case.by_hand)
        case.assert_reached(world, undisturbed[number])
        assert tuple(world.announced) == case.announced, undisturbed[number]


def test_endless_conflicts_end_the_run_and_the_next_one_resumes() -> None:
    case = CASES["promoted"]
    for phase in ("rolling", "watching", "naming", "done"):
        world = case.world()

        def contend(name: str, _: int, phase: str = phase, world: World = world) -> None:
            if name == f"before write {phase}":
                world.touch()

        with pytest.raises(Contended, match="gave up after 20 attempts"):
            world.run(contend)
        world.run()
        case.assert_reached(world, phase)


@all_cases
def test_a_model_set_by_hand_at_any_operation_stays_and_the_rollout_is_superseded(case: Case) -> None:
    undisturbed = operations(case)
    for number in range(undisturbed.index("write rolling") + 1, len(undisturbed)):
        world = case.world()
        world.run(at("before", number, world.set_by_hand), by_hand=case.by_hand)
        assert world.model == THREE, undisturbed[number]
        assert world.state.outcome is RolloutOutcome.SUPERSEDED, undisturbed[number]
        assert DIGESTS[TWO] in world.blocked
        assert DIGESTS[THREE] not in world.blocked


@all_cases
def test_a_rollout_started_by_hand_at_any_operation_replaces_the_one_in_progress(case: Case) -> None:
    undisturbed = operations(case)
    for number in range(undisturbed.index("write rolling") + 1, len(undisturbed)):
        world = case.world()

        def start(world: World = world) -> None:
            world.machine().start(THREE, "a person", by_hand=True)

        with pytest.raises(Superseded, match="3 while 2 was"):
            world.run(at("before", number, start), by_hand=case.by_hand)
        assert (world.state.target, world.state.phase) == (THREE, Phase.ROLLING), undisturbed[number]
        world.failures.clear()
        finished = world.machine().resume()
        assert finished is not None
        assert (finished.outcome, world.model, world.champion) == (RolloutOutcome.ROLLED_BACK, THREE, THREE)


def test_a_rollout_started_while_the_outcome_superseded_is_recorded_is_not_overwritten() -> None:
    """Its write conflicts: what is read then belongs to a person's new rollout."""
    world = World()
    done: list[str] = []

    def interfere(name: str, _: int) -> None:
        if name == "before write watching" and not done:
            done.append(name)
            world.set_by_hand()
        elif name == "before write done" and len(done) == 1:
            done.append(name)
            world.machine().start(ONE, "a person", by_hand=True)

    with pytest.raises(Superseded):
        world.run(interfere)
    assert (world.state.target, world.state.phase) == (ONE, Phase.ROLLING)


def test_a_rollout_that_is_not_by_hand_waits_for_the_one_in_progress() -> None:
    world = World()
    world.machine().start(TWO, "a test")
    with pytest.raises(Superseded, match="the rollout of 3 is not started"):
        world.machine().start(THREE, "a test")
    assert world.state.target == TWO


def test_the_same_target_started_twice_is_one_rollout() -> None:
    world = World()
    started = world.machine().start(TWO, "a test")
    assert world.machine().start(TWO, "another test", by_hand=True) == started
    assert world.version == 1


@pytest.mark.parametrize("phase", [Phase.ROLLING, Phase.WATCHING, Phase.TAKING_BACK])
def test_an_unproven_model_is_not_a_rollback_target_and_is_blocked_when_it_is_replaced(phase: Phase) -> None:
    current = RolloutState(id="x", target=TWO, previous=ONE, phase=phase, since=NOW)
    world = World(stored=current.model_dump_json(), model=current.desired_model)
    started = world.machine().start(THREE, "a person", by_hand=True)
    assert started.previous == ONE
    assert world.blocked == (DIGESTS[TWO],)


def test_the_list_of_blocked_digests_is_bounded_and_most_recent_first() -> None:
    many = tuple(f"{number:064x}" for number in range(100, 120))
    assert block(many, TWO) == (DIGESTS[TWO], *many[:19])
    assert block((DIGESTS[ONE], DIGESTS[TWO]), THREE, without=ONE) == (DIGESTS[THREE], DIGESTS[TWO])


def test_an_error_of_the_platform_leaves_the_phase_for_the_next_run() -> None:
    world = World()

    def fail(name: str, _: int) -> None:
        if name == "before name":
            raise ChatbotError("MLflow does not answer")

    with pytest.raises(ChatbotError, match="MLflow"):
        world.run(fail)
    assert (world.state.phase, world.champion) == (Phase.NAMING, ONE)
    world.run()
    CASES["promoted"].assert_reached(world)


# serving.json as the record of a rollout

REQUESTED = DesiredModel(model=TWO, since=NOW, why="a person", before=(ONE,))


@pytest.mark.parametrize(
    ("serving", "target", "previous", "phase"),
    [
        (DesiredModel(), "", "", Phase.ROLLING),
        (REQUESTED, TWO, ONE, Phase.ROLLING),
        (REQUESTED.model_copy(update={"serves": True}), TWO, ONE, Phase.NAMING),
        (
            DesiredModel(model=ONE, since=NOW, taken_back=RolledBackModel(model=TWO, why="?", when=NOW)),
            TWO,
            ONE,
            Phase.TAKING_BACK,
        ),
        (
            DesiredModel(
                model=ONE, since=NOW, serves=True, taken_back=RolledBackModel(model=TWO, why="?", when=NOW)
            ),
            ONE,
            "",
            Phase.NAMING,
        ),
        (
            DesiredModel(
                model=THREE,
                since=NOW,
                before=(ONE,),
                taken_back=RolledBackModel(model=TWO, why="?", when=NOW - timedelta(days=1)),
            ),
            THREE,
            ONE,
            Phase.ROLLING,
        ),
    ],
)
def test_the_state_of_a_rollout_is_derived_from_serving_json(
    serving: DesiredModel, target: str, previous: str, phase: Phase
) -> None:
    state = DesiredModel.model_validate_json(serving.model_dump_json()).rollout
    assert (state.target, state.previous, state.phase) == (target, previous, phase)
    assert state.desired_model == serving.model


def test_a_request_and_a_rollback_are_recorded_in_serving_json_and_read_from_it_again() -> None:
    first = DesiredModel(model=ONE, serves=True, since=NOW)
    request = RolloutState(id=TWO, target=TWO, previous=ONE, since=NOW, why="a person", by_hand=True)
    asked = first.record(request)
    assert asked == REQUESTED
    assert asked.rollout == request
    failed = request.next(Failure("broken"), NOW + timedelta(seconds=1))
    back = asked.record(failed)
    assert (back.model, back.serves, back.before) == (ONE, False, ())
    assert back.taken_back == RolledBackModel(model=TWO, why="broken", when=failed.since)
    assert back.rollout == failed
    done = failed.finish(RolloutOutcome.TAKEN_BACK, NOW)
    assert back.record(done) == back, "that it serves is for the supervisor to record"
