"""Concurrent changes at any request of a rollout: a model set by hand wins; against `memory_api`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.k8s.harness import (
    KILLED,
    at_request,
    on_first,
    run_promote,
    run_rollback,
    settle,
    write_retrain_result,
)
from tests.k8s.memory_api import DEPLOYMENT, Behaviour, Call, Hook, Process, World, digest, ref
from tests.k8s.scenarios import (
    SCENARIOS,
    Scenario,
    all_scenarios,
    assert_consistent,
    expected_exit_code,
    main_scenarios,
    recorded_requests,
)

pytestmark = pytest.mark.usefixtures("accepted_version_2")

LEASE = "support-chatbot-promote"
FROM_VERSION_3 = Scenario(2, "promoted", SCENARIOS["promoted"].events, initial_version=3)


def is_patch(call: Call) -> bool:
    return call.method == "PATCH"


def is_relevant(call: Call) -> bool:
    """Whether the exact time of this request can affect the result."""
    return call.what.startswith("deployments") or call.is_write


def is_lease_request(call: Call) -> bool:
    return call.what == f"leases/{LEASE}"


def on_matching(
    number: int, predicate: Callable[[Call], bool], action: Callable[[], object], skip: int = 0
) -> Hook:
    """Return a hook that acts at the first `number` matching requests after the first `skip`."""
    seen: list[Call] = []

    def hook(call: Call) -> None:
        if predicate(call):
            seen.append(call)
            if skip < len(seen) <= skip + number:
                action()

    return hook


@all_scenarios
def test_an_unrelated_concurrent_change_before_any_write_does_not_change_the_result(
    scenario: Scenario,
) -> None:
    calls = recorded_requests(scenario, is_patch)
    assert len(calls) >= 3
    for skip, call in enumerate(calls):
        for number in (1, 3):
            world = scenario.create_world()
            process = world.process()
            process.before.append(on_matching(number, is_patch, world.touch, skip))
            assert scenario.command(process) == expected_exit_code(scenario), call
            assert_consistent(world, scenario, f"{number} changes before {call}")
            assert len([c for c in process.calls if is_patch(c)]) == len(calls) + number, (
                "each was refused once"
            )


def test_endless_conflicts_in_any_phase_end_the_run_and_the_next_run_resumes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scenario = SCENARIOS["promoted"]
    for skip in range(len(recorded_requests(scenario, is_patch))):
        world = scenario.create_world()
        process = world.process()
        process.before.append(on_matching(1000, is_patch, world.touch, skip))
        assert scenario.command(process) == 1
        assert "keeps changing: gave up after 20 attempts" in capsys.readouterr().err
        assert scenario.resume(world.process()) == 0
        assert_consistent(world, scenario, f"patch {skip}")


@main_scenarios
def test_an_unrelated_change_of_the_lease_does_not_lose_it(scenario: Scenario) -> None:
    for skip in range(len(recorded_requests(scenario, is_lease_request))):
        world = scenario.create_world()
        process = world.process()
        process.before.append(
            on_matching(1, is_lease_request, lambda world=world: world.touch("leases", LEASE), skip)
        )
        assert scenario.command(process) == 0
        settle(world)
        assert world.state["outcome"] == scenario.outcome
        # A Lease that could not be released expires.
        assert world.holder() in ("", process.holder)


def rollout_undo(world: World) -> None:
    world.rollout_undo()


def kubectl_patch(world: World) -> None:
    world.set_model(ref(5))


def roll_back(world: World) -> None:
    """Run `k8s.rollback 5`, and kill it before it waits for the rollout."""
    person = world.process()
    person.before.append(on_first(is_lease_request, person.kill))
    assert run_rollback("5")(person) == KILLED


@pytest.mark.parametrize("change", [rollout_undo, kubectl_patch, roll_back])
def test_a_model_set_by_hand_at_any_request_of_a_rollout_serves_and_becomes_champion(
    change: Callable[[World], None],
) -> None:
    first_patch = recorded_requests(FROM_VERSION_3, is_patch)[0].number
    for call in recorded_requests(
        FROM_VERSION_3, lambda call: call.number > first_patch and is_relevant(call)
    ):
        world = FROM_VERSION_3.create_world()
        process = world.process()
        chosen: list[str] = []
        process.before.append(at_request(call.number, lambda world=world: change(world)))
        process.before.append(
            at_request(call.number, lambda world=world, chosen=chosen: chosen.append(world.desired_model))
        )
        assert run_promote(process) == 0, call
        settle(world)
        assert_model_wins(world, chosen[0], f"{change.__name__} before {call}")


@pytest.mark.parametrize("change", [kubectl_patch, roll_back])
@pytest.mark.parametrize(
    "behaviour", [Behaviour(failed=0.5), Behaviour(exit="damaged")], ids=["worse", "not ready"]
)
def test_a_model_set_by_hand_during_an_automatic_rollback_serves_and_becomes_champion(
    change: Callable[[World], None], behaviour: Behaviour
) -> None:
    scenario = Scenario(3, "taken_back", SCENARIOS["worse metrics"].events, behaviour, initial_version=3)
    second = recorded_requests(scenario, is_patch)[1].number
    for call in recorded_requests(scenario, lambda call: call.number >= second and is_relevant(call)):
        world = scenario.create_world()
        process = world.process()
        process.before.append(at_request(call.number, lambda world=world: change(world)))
        assert run_promote(process) == 0, call
        settle(world)
        assert_model_wins(world, ref(5), f"{change.__name__} before {call}")


def assert_model_wins(world: World, chosen: str, context: str) -> None:
    """Assert that, after further runs, everything agrees with the model set by hand."""
    assert world.desired_model == chosen, context
    for command in (run_rollback(), run_promote):
        assert command(world.process()) == 0, context
    settle(world)
    version, _, of = (chosen or "1@" + "0" * 64).partition("@")
    assert (world.desired_model, world.champion, world.served) == (chosen, version, [of]), context
    assert world.state.get("phase", "done") == "done", context
    assert digest(2) in world.blocked, f"{context}: what a person ended would be promoted again"
    assert digest(int(version)) not in world.blocked, context
    assert max(world.events.values()) <= 2, context
    assert world.events["ModelTakenBack"] + world.events["ModelPromoted"] <= 1, context


def test_a_rollback_by_hand_during_the_analysis_does_not_return_to_the_model_under_analysis() -> None:
    world = FROM_VERSION_3.create_world()
    process = world.process()
    in_trial = on_first(
        lambda c: is_patch(c) and world.state.get("phase") == "watching", lambda: roll_back(world)
    )
    process.before.append(in_trial)
    assert run_promote(process) == 0
    assert (world.state["target"], world.state["previous"]) == (ref(5), ref(3))
    assert run_rollback()(world.process()) == 0
    assert world.state["outcome"] == "rolled_back"
    assert f"in place of version 3 ({digest(3)[:12]})" in world.message("ModelRolledBack")
    assert world.events["ModelPromoted"] == 0


def test_a_rollback_by_hand_to_the_version_before_the_analysis_blocks_the_one_under_analysis() -> None:
    world = FROM_VERSION_3.create_world()
    process = world.process()
    process.before.append(
        on_first(
            lambda c: is_patch(c) and world.state.get("phase") == "watching",
            lambda: run_rollback("3")(world.process()),
        )
    )
    assert run_promote(process) == 0
    assert run_rollback()(world.process()) == 0
    assert (world.desired_model, world.champion, world.blocked) == (ref(3), "3", [digest(2)])
    assert "in place of" not in world.message("ModelRolledBack")


def test_a_model_set_by_hand_just_before_a_rollout_starts_is_not_overwritten(tmp_path: Path) -> None:
    write_retrain_result(tmp_path, ref(2), judged_against=ref(3))
    first_patch = recorded_requests(FROM_VERSION_3, is_patch)[0].number
    for call in recorded_requests(FROM_VERSION_3, lambda call: call.number <= first_patch):
        world = FROM_VERSION_3.create_world()
        world.behaviours = {digest(5): Behaviour(start=10)}
        process = world.process()
        process.before.append(at_request(call.number, lambda world=world: roll_back(world)))
        assert run_promote(process) == 0, call
        assert world.champion == ("5" if world.state.get("outcome") else "3"), (
            f"{call}: named before it serves"
        )
        assert run_rollback()(world.process()) == 0
        settle(world)
        assert (world.desired_model, world.champion, world.served) == (ref(5), "5", [digest(5)]), call
        assert world.state["outcome"] == "rolled_back", call
        assert digest(5) not in world.blocked, call
        assert world.events["ModelPromoted"] == 0, call


def test_the_same_model_set_again_by_hand_is_a_new_rollout() -> None:
    """A person sets another model and then the same one again, between two requests of a run."""
    first, *_, last = recorded_requests(FROM_VERSION_3, is_patch)
    for call in recorded_requests(
        FROM_VERSION_3, lambda call: call.number > first.number + 1 and is_relevant(call)
    ):
        world = FROM_VERSION_3.create_world()
        process = world.process()

        def there_and_back(world: World = world) -> None:
            roll_back(world)
            person = world.process()
            person.before.append(on_first(is_lease_request, person.kill))
            assert run_rollback("2")(person) == KILLED

        process.before.append(at_request(call.number, there_and_back))
        assert run_promote(process) == 0
        assert world.events["ModelPromoted"] == (call.number > last.number), call
        assert run_rollback()(world.process()) == 0
        settle(world)
        assert (world.desired_model, world.champion, world.served) == (ref(2), "2", [digest(2)]), call
        assert (world.state["outcome"], world.state["by_hand"]) == ("rolled_back", True), call


def steal_lease(world: World) -> None:
    """Let another holder take the Lease against the protocol, and a renewal notice it."""
    world.api.patch("leases", LEASE, {"spec": {"holderIdentity": "usurper"}})
    world.clock.advance(3)


def suspend_during_takeover(suspended: Process, world: World, expected: list[object]) -> None:
    """Suspend the process, as with a suspended machine, while another run takes over and finishes."""
    suspended.is_suspended = True
    assert run_promote(world.process()) == 0
    settle(world)
    suspended.is_suspended = False
    expected += [world.version, world.blocked, world.champion, len(world.registry.moves)]


@main_scenarios
def test_a_run_suspended_during_a_takeover_writes_nothing_afterwards(
    scenario: Scenario,
) -> None:
    for call in recorded_requests(scenario, lambda call: call.number > 2 and is_relevant(call)):
        world = scenario.create_world()
        suspended = world.process()
        expected: list[object] = []
        suspend = at_request(
            call.number,
            lambda suspended=suspended, world=world, expected=expected: suspend_during_takeover(
                suspended, world, expected
            ),
        )
        suspended.before.append(suspend)
        assert run_promote(suspended) in (0, 1), call
        # A request in flight at the suspension still arrives; at MLflow it is idempotent.
        arrived = call.server == "mlflow" and call.is_write
        now = [world.version, world.blocked, world.champion, len(world.registry.moves) - arrived]
        assert now == expected, call
        # Corrects the metric if the suspended run pushed an old value.
        assert run_promote(world.process()) == 0
        missing_events = tuple(e for e in scenario.events if not world.events[e])
        assert_consistent(world, scenario, f"stood still before {call}", missing_events)


@main_scenarios
def test_a_run_that_lost_its_lease_in_any_phase_stops_before_the_next_write(
    scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    for call in recorded_requests(scenario, is_patch):
        world = scenario.create_world()
        process = world.process()
        process.before.append(at_request(call.number - 1, lambda world=world: steal_lease(world)))
        assert run_promote(process) == 1, call
        assert "usurper holds it" in capsys.readouterr().err, call
        assert [c for c in process.calls if c.number >= call.number and c.is_write] == [], call
        assert world.holder() == "usurper", "what is another's is not given back"
        world.api.patch("leases", LEASE, {"spec": {"holderIdentity": ""}})
        assert scenario.resume(world.process()) == 0
        assert_consistent(world, scenario, call)


def test_the_outcome_superseded_is_recorded_despite_conflicts() -> None:
    world = FROM_VERSION_3.create_world()
    process = world.process()
    process.before.append(
        on_first(lambda call: world.state.get("phase") == "watching", lambda: kubectl_patch(world))
    )
    process.before.append(
        on_matching(3, lambda call: is_patch(call) and world.desired_model == ref(5), world.touch)
    )
    assert run_promote(process) == 0
    assert (world.state["outcome"], world.desired_model, world.blocked) == ("superseded", ref(5), [digest(2)])
    assert world.events["ModelChangedByHand"] == 1


def test_a_run_that_lost_its_lease_stops_waiting_for_the_pods() -> None:
    world = World({digest(2): Behaviour(start=50)})
    world.api.patch("deployments", DEPLOYMENT, {"spec": {"progressDeadlineSeconds": 600}})
    process = world.process()
    process.before.append(on_first(lambda call: call.is_watch, lambda: steal_lease(world)))
    started = world.clock.seconds
    assert run_promote(process) == 1
    assert world.clock.seconds - started < 15


def test_a_run_that_lost_its_lease_does_not_move_the_alias() -> None:
    scenario = SCENARIOS["promoted"]
    (move,) = recorded_requests(scenario, lambda call: call.server == "mlflow" and call.is_write)
    world = scenario.create_world()
    process = world.process()
    process.before.append(at_request(move.number - 1, lambda: steal_lease(world)))
    assert run_promote(process) == 1
    assert (world.champion, world.state["phase"]) == ("1", "naming")
