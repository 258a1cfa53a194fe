"""Scenarios of promotions and rollbacks with their expected results, for the tests against `memory_api`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.k8s.harness import Command, run_promote, run_rollback, settle
from tests.k8s.memory_api import IMAGE_DIGEST, Behaviour, Call, World, digest, ref

HEALTHY = Behaviour()


@dataclass(frozen=True)
class Scenario:
    """A promotion or a rollback, with its expected result."""

    final_version: int
    outcome: str
    events: Counter[str]
    behaviour: Behaviour = HEALTHY
    command: Command = run_promote
    resume: Command = run_promote
    blocked: tuple[int, ...] = ()
    initial_version: int = 0
    """Version promoted before; 0: none, the image's bundle serves."""

    def create_world(self) -> World:
        world = World({digest(2): self.behaviour})
        if self.initial_version:
            world.set_model(ref(self.initial_version))
            world.registry.aliases["champion"] = str(self.initial_version)
            settle(world)
        return world


ROLLOUT = {"ModelRollout": 1}
TAKEN_BACK = Counter(ROLLOUT | {"ModelTakenBack": 1})
SCENARIOS = {
    "promoted": Scenario(2, "promoted", Counter(ROLLOUT | {"ModelPromoted": 1})),
    "worse metrics": Scenario(0, "taken_back", TAKEN_BACK, Behaviour(failed=0.5), blocked=(2,)),
    "never ready": Scenario(0, "taken_back", TAKEN_BACK, Behaviour(exit="damaged"), blocked=(2,)),
    "another bundle": Scenario(
        3, "taken_back", TAKEN_BACK, Behaviour(serves=digest(9)), blocked=(2,), initial_version=3
    ),
    "by hand": Scenario(
        2,
        "rolled_back",
        Counter(ROLLOUT | {"ModelRolledBack": 1}),
        command=run_rollback("2"),
        resume=run_rollback(),
        blocked=(3,),
        initial_version=3,
    ),
    "by hand, not ready": Scenario(
        3,
        "taken_back",
        TAKEN_BACK,
        Behaviour(ready=False),
        command=run_rollback("2"),
        resume=run_rollback(),
        blocked=(2,),
        initial_version=3,
    ),
}
all_scenarios = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
main_scenarios = pytest.mark.parametrize(
    "scenario", [SCENARIOS["promoted"], SCENARIOS["worse metrics"]], ids=["promoted", "worse metrics"]
)


def recorded_requests(
    scenario: Scenario, predicate: Callable[[Call], bool] = lambda call: True
) -> list[Call]:
    """Return the matching requests of an undisturbed run."""
    process = scenario.create_world().process()
    scenario.command(process)
    return [call for call in process.calls if predicate(call)]


def is_write(call: Call) -> bool:
    return call.is_write and call.server in ("api", "mlflow")


def assert_consistent(
    world: World, scenario: Scenario, context: object, missing_events: tuple[str, ...] = ()
) -> None:
    """Assert that annotation, alias, metric and pods agree on the expected result, and that nothing happened twice.

    Args:
        missing_events: Events that a kill just before their creation may have prevented.
    """
    settle(world)
    desired = ref(scenario.final_version) if scenario.final_version else ""
    state = world.state
    assert (world.desired_model, state["phase"], state["outcome"]) == (desired, "done", scenario.outcome), (
        context
    )
    assert state["target"] == ref(2), context
    assert state.get("previous", "") == (ref(scenario.initial_version) if scenario.initial_version else ""), (
        context
    )
    assert world.served == [digest(scenario.final_version) if scenario.final_version else IMAGE_DIGEST], (
        context
    )
    assert world.champion == str(scenario.final_version or 1), context
    assert set(world.registry.moves) <= {world.champion}, context
    assert set(world.blocked) == {digest(n) for n in scenario.blocked}, context
    assert {**world.events, **dict.fromkeys(missing_events, 1)} == scenario.events, context
    ((labels, _),) = world.gateway.samples("chatbot_desired_model_info")
    assert labels["bundle"] == (digest(scenario.final_version) if scenario.final_version else ""), context
    assert world.holder() == "", context


def expected_exit_code(scenario: Scenario) -> int:
    """Return the exit code: 1 if a rollback by hand ended in an automatic rollback."""
    return int(scenario.outcome == "taken_back" and scenario.command is not run_promote)
