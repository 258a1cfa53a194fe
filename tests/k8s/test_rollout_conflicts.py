"""Somebody else changes something at any request of a promotion: what a person said counts; against `memory_api`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.k8s.harness import (
    KILLED,
    at_request,
    on_first,
    prepare_environment,
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

LEASE = "support-chatbot-promote"
FROM_VERSION_3 = Scenario(2, "promoted", SCENARIOS["promoted"].events, initial_version=3)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepare_environment(monkeypatch, tmp_path)
    write_retrain_result(tmp_path, ref(2))


def is_patch(call: Call) -> bool:
    return call.method == "PATCH"


def is_relevant(call: Call) -> bool:
    """Whether something can depend on it that it came in this moment."""
    return call.what.startswith("deployments") or call.is_write


def is_lease_request(call: Call) -> bool:
    return call.what == f"leases/{LEASE}"


def on_matching(
    number: int, predicate: Callable[[Call], bool], do: Callable[[], object], skip: int = 0
) -> Hook:
    """Do something at the first so many requests that are meant, after some that are skipped."""
    seen: list[Call] = []

    def hook(call: Call) -> None:
        if predicate(call):
            seen.append(call)
            if skip < len(seen) <= skip + number:
                do()

    return hook


@all_scenarios
def test_a_change_that_is_nobodys_business_before_any_write_changes_nothing(scenario: Scenario) -> None:
    every = recorded_requests(scenario, is_patch)
    assert len(every) >= 3
    for skip, call in enumerate(every):
        for number in (1, 3):
            world = scenario.create_world()
            process = world.process()
            process.before.append(on_matching(number, is_patch, world.touch, skip))
            assert scenario.command(process) == expected_exit_code(scenario), call
            assert_consistent(world, scenario, f"{number} changes before {call}")
            assert len([c for c in process.calls if is_patch(c)]) == len(every) + number, (
                "each was refused once"
            )


def test_a_deployment_that_changes_all_the_time_is_given_up_in_any_phase_and_the_next_run_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scenario = SCENARIOS["promoted"]
    for skip in range(len(recorded_requests(scenario, is_patch))):
        world = scenario.create_world()
        process = world.process()
        process.before.append(on_matching(1000, is_patch, world.touch, skip))
        assert scenario.command(process) == 1
        assert "changes all the time: 20 tries were in vain" in capsys.readouterr().err
        assert scenario.resume(world.process()) == 0
        assert_consistent(world, scenario, f"patch {skip}")


@main_scenarios
def test_a_change_to_the_lease_that_is_nobodys_business_takes_it_from_nobody(scenario: Scenario) -> None:
    for skip in range(len(recorded_requests(scenario, is_lease_request))):
        world = scenario.create_world()
        process = world.process()
        process.before.append(
            on_matching(1, is_lease_request, lambda world=world: world.touch("leases", LEASE), skip)
        )
        assert scenario.command(process) == 0
        settle(world)
        assert world.state["outcome"] == scenario.outcome
        # What could not be given back runs out.
        assert world.holder() in ("", process.holder)


def rollout_undo(world: World) -> None:
    world.rollout_undo()


def kubectl_patch(world: World) -> None:
    world.set_model(ref(5))


def roll_back(world: World) -> None:
    """By `k8s.rollback 5`, whose person does not wait for the rest of it."""
    person = world.process()
    person.before.append(on_first(is_lease_request, person.kill))
    assert run_rollback("5")(person) == KILLED


@pytest.mark.parametrize("change", [rollout_undo, kubectl_patch, roll_back])
def test_what_a_person_sets_in_any_moment_of_a_promotion_serves_and_is_champion(
    change: Callable[[World], None],
) -> None:
    first_patch = recorded_requests(FROM_VERSION_3, is_patch)[0].number
    for call in recorded_requests(
        FROM_VERSION_3, lambda call: call.number > first_patch and is_relevant(call)
    ):
        world = FROM_VERSION_3.create_world()
        process = world.process()
        said: list[str] = []
        process.before.append(at_request(call.number, lambda world=world: change(world)))
        process.before.append(
            at_request(call.number, lambda world=world, said=said: said.append(world.desired_model))
        )
        assert run_promote(process) == 0, call
        settle(world)
        assert_model_wins(world, said[0], f"{change.__name__} before {call}")


@pytest.mark.parametrize("change", [kubectl_patch, roll_back])
@pytest.mark.parametrize(
    "behaviour", [Behaviour(failed=0.5), Behaviour(exit="damaged")], ids=["worse", "not ready"]
)
def test_what_a_person_sets_while_a_model_is_taken_back_serves_and_is_champion(
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


def assert_model_wins(world: World, said: str, what: str) -> None:
    """After the next runs, whoever's, everything agrees with what a person set."""
    assert world.desired_model == said, what
    for command in (run_rollback(), run_promote):
        assert command(world.process()) == 0, what
    settle(world)
    version, _, of = (said or "1@" + "0" * 64).partition("@")
    assert (world.desired_model, world.champion, world.served) == (said, version, [of]), what
    assert world.state.get("phase", "done") == "done", what
    assert digest(2) in world.blocked, f"{what}: what a person ended would be promoted again"
    assert digest(int(version)) not in world.blocked, what
    assert max(world.events.values()) <= 2, what
    assert world.events["ModelTakenBack"] + world.events["ModelPromoted"] <= 1, what


def test_a_person_who_ends_a_trial_does_not_come_back_to_it() -> None:
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


def test_what_a_person_sets_just_before_a_promotion_begins_is_not_run_over(tmp_path: Path) -> None:
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


def test_the_same_model_asked_for_anew_is_another_promotion() -> None:
    """A person sets another and comes back to it, while a run looks elsewhere."""
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
    """Another takes the Lease, against the rules, and a renewal notices."""
    world.api.patch("leases", LEASE, {"spec": {"holderIdentity": "usurper"}})
    world.clock.advance(3)


def suspend_during_takeover(suspended: Process, world: World, known: list[object]) -> None:
    """As a machine that is suspended, while another run takes over and ends."""
    suspended.is_suspended = True
    assert run_promote(world.process()) == 0
    settle(world)
    suspended.is_suspended = False
    known += [world.version, world.blocked, world.champion, len(world.registry.moves)]


@main_scenarios
def test_who_stood_still_in_any_moment_while_another_took_over_changes_nothing_more(
    scenario: Scenario,
) -> None:
    for call in recorded_requests(scenario, lambda call: call.number > 2 and is_relevant(call)):
        world = scenario.create_world()
        suspended = world.process()
        known: list[object] = []
        suspend = at_request(
            call.number,
            lambda suspended=suspended, world=world, known=known: suspend_during_takeover(
                suspended, world, known
            ),
        )
        suspended.before.append(suspend)
        assert run_promote(suspended) in (0, 1), call
        # A request that was on its way when the machine stopped still arrives: at MLflow it says the same.
        arrived = call.server == "mlflow" and call.is_write
        now = [world.version, world.blocked, world.champion, len(world.registry.moves) - arrived]
        assert now == known, call
        assert run_promote(world.process()) == 0  # the metric, if the sleeper's last word was an old one
        missing_events = tuple(e for e in scenario.events if not world.events[e])
        assert_consistent(world, scenario, f"stood still before {call}", missing_events)


@main_scenarios
def test_whose_lease_was_taken_in_any_phase_stops_before_it_writes(
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


def test_that_a_person_ended_it_is_written_down_however_often_that_is_refused() -> None:
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


def test_who_has_lost_the_lease_waits_for_no_rollout() -> None:
    world = World({digest(2): Behaviour(start=50)})
    world.api.patch("deployments", DEPLOYMENT, {"spec": {"progressDeadlineSeconds": 600}})
    process = world.process()
    process.before.append(on_first(lambda call: call.is_watch, lambda: steal_lease(world)))
    started = world.clock.seconds
    assert run_promote(process) == 1
    assert world.clock.seconds - started < 15


def test_the_alias_is_not_moved_by_who_has_lost_the_lease() -> None:
    scenario = SCENARIOS["promoted"]
    (move,) = recorded_requests(scenario, lambda call: call.server == "mlflow" and call.is_write)
    world = scenario.create_world()
    process = world.process()
    process.before.append(at_request(move.number - 1, lambda: steal_lease(world)))
    assert run_promote(process) == 1
    assert (world.champion, world.state["phase"]) == ("1", "naming")
