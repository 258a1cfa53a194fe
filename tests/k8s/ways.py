"""The ways that a promotion or a rollback may take, each with its end; for the tests against `memory_api`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.k8s.in_memory import Command, run_promote, run_rollback, settle
from tests.k8s.memory_api import IMAGE_DIGEST, Behaviour, Call, World, digest, ref

FINE = Behaviour()


@dataclass(frozen=True)
class Way:
    """A promotion or a rollback, with its end."""

    told: int
    outcome: str
    events: Counter[str]
    behaviour: Behaviour = FINE
    command: Command = run_promote
    resume: Command = run_promote
    taken_back: tuple[int, ...] = ()
    before: int = 0
    """What was promoted earlier; 0: nothing, the image serves."""

    def begin(self) -> World:
        world = World({digest(2): self.behaviour})
        if self.before:
            world.tell(ref(self.before))
            world.registry.aliases["champion"] = str(self.before)
            settle(world)
        return world


ROLLOUT = {"ModelRollout": 1}
TAKEN_BACK = Counter(ROLLOUT | {"ModelTakenBack": 1})
WAYS = {
    "promoted": Way(2, "promoted", Counter(ROLLOUT | {"ModelPromoted": 1})),
    "worse metrics": Way(0, "taken_back", TAKEN_BACK, Behaviour(failed=0.5), taken_back=(2,)),
    "never ready": Way(0, "taken_back", TAKEN_BACK, Behaviour(exit="damaged"), taken_back=(2,)),
    "another bundle": Way(
        3, "taken_back", TAKEN_BACK, Behaviour(serves=digest(9)), taken_back=(2,), before=3
    ),
    "by hand": Way(
        2,
        "rolled_back",
        Counter(ROLLOUT | {"ModelRolledBack": 1}),
        command=run_rollback("2"),
        resume=run_rollback(),
        taken_back=(3,),
        before=3,
    ),
    "by hand, not ready": Way(
        3,
        "taken_back",
        TAKEN_BACK,
        Behaviour(ready=False),
        command=run_rollback("2"),
        resume=run_rollback(),
        taken_back=(2,),
        before=3,
    ),
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
short = pytest.mark.parametrize(
    "way", [WAYS["promoted"], WAYS["worse metrics"]], ids=["promoted", "worse metrics"]
)


def requests(way: Way, where: Callable[[Call], bool] = lambda call: True) -> list[Call]:
    """Those of a run that nobody disturbs."""
    process = way.begin().process()
    way.command(process)
    return [call for call in process.calls if where(call)]


def writes(call: Call) -> bool:
    return call.writes and call.server in ("api", "mlflow")


def assert_ended(world: World, way: Way, what: object, lost: tuple[str, ...] = ()) -> None:
    """Everything agrees, and nothing is doubled.

    Args:
        lost: Events that a kill in the moment before them may have swallowed.
    """
    settle(world)
    told = ref(way.told) if way.told else ""
    state = world.state
    assert (world.told, state["phase"], state["outcome"]) == (told, "done", way.outcome), what
    assert state["target"] == ref(2), what
    assert state.get("previous", "") == (ref(way.before) if way.before else ""), what
    assert world.served == [digest(way.told) if way.told else IMAGE_DIGEST], what
    assert world.champion == str(way.told or 1), what
    assert set(world.registry.moves) <= {world.champion}, what
    assert set(world.taken_back) == {digest(n) for n in way.taken_back}, what
    assert {**world.events, **dict.fromkeys(lost, 1)} == way.events, what
    ((labels, _),) = world.gateway.samples("chatbot_told_model_info")
    assert labels["bundle"] == (digest(way.told) if way.told else ""), what
    assert world.holder() == "", what


def code_of(way: Way) -> int:
    """The exit code: a person is told that what was asked for was taken back."""
    return int(way.outcome == "taken_back" and way.command is not run_promote)
