"""A rollout killed at any request is resumed by the next run with the same result; against `memory_api`."""

from __future__ import annotations

import signal

import pytest

from tests.k8s.harness import (
    KILLED,
    at_request,
    on_first,
    run_promote,
    settle,
)
from tests.k8s.memory_api import DEPLOYMENT, Call, ref
from tests.k8s.scenarios import (
    Scenario,
    all_scenarios,
    assert_consistent,
    is_write,
    main_scenarios,
    recorded_requests,
)

pytestmark = pytest.mark.usefixtures("accepted_version_2")


def assert_resumes(scenario: Scenario, call: Call, when: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kill a run at this request, resume with another process, and check the result."""
    world, context = scenario.create_world(), f"killed {when} {call}"
    first = world.process()
    getattr(first, when).append(at_request(call.number, first.kill))
    assert scenario.command(first) == KILLED
    rollout_id, phase = world.state.get("id"), world.state.get("phase", "done")
    capsys.readouterr()
    # A rollout that was not recorded cannot be resumed: it is requested again.
    assert (scenario.resume if rollout_id else scenario.command)(world.process()) in (0, 1)
    if phase != "done":
        assert f": {phase} since 2026-" in capsys.readouterr().out, context
    assert rollout_id in (None, world.state["id"]), f"{context}: begun anew"
    missing_events = tuple(e for e in scenario.events if not world.events[e])
    swallowed = call.what == ("events" if when == "before" else f"deployments/{DEPLOYMENT}")
    assert len(missing_events) <= swallowed, context
    assert_consistent(world, scenario, context, missing_events)


@all_scenarios
def test_an_undisturbed_run_reaches_the_expected_result(scenario: Scenario) -> None:
    world = scenario.create_world()
    assert scenario.command(world.process()) == (
        scenario.outcome == "taken_back" and scenario.command is not run_promote
    )
    assert_consistent(world, scenario, "undisturbed")


@main_scenarios
def test_a_run_killed_before_any_request_is_resumed_to_the_same_result(
    scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = recorded_requests(scenario)
    assert len(calls) > 40
    for call in calls:
        assert_resumes(scenario, call, "before", capsys)


@all_scenarios
def test_a_run_killed_after_any_write_is_resumed_to_the_same_result(
    scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = recorded_requests(scenario, is_write)
    assert len(calls) >= 6
    for call in calls:
        assert_resumes(scenario, call, "after", capsys)


@all_scenarios
def test_runs_killed_in_every_phase_reach_the_same_result(scenario: Scenario) -> None:
    """Every resuming run is killed too, after the first phase that it records."""
    world = scenario.create_world()
    runs = 0
    while True:
        process = world.process()
        process.after.append(on_first(lambda call: call.method == "PATCH", process.kill))
        if (scenario.resume if world.state else scenario.command)(process) != KILLED:
            break
        runs += 1
        assert runs < 20
    assert runs >= 3
    missing_events = tuple(e for e in scenario.events if not world.events[e])
    assert_consistent(world, scenario, f"killed {runs} times", missing_events)


@all_scenarios
def test_another_run_changes_nothing(scenario: Scenario) -> None:
    world = scenario.create_world()
    scenario.command(world.process())
    settle(world)
    version, moves = world.version, list(world.registry.moves)
    assert scenario.resume(world.process()) == 0
    assert run_promote(world.process()) == 0
    assert (world.version, world.registry.moves) == (version, moves)
    assert_consistent(world, scenario, "one run more")


@main_scenarios
def test_a_signal_at_any_request_releases_the_lease_and_the_next_run_resumes(
    scenario: Scenario,
) -> None:
    def end() -> None:
        raise SystemExit(128 + signal.SIGTERM)

    for call in recorded_requests(scenario, lambda call: call.is_watch or call.is_write):
        world = scenario.create_world()
        first = world.process()
        first.before.append(at_request(call.number, end))
        with pytest.raises(SystemExit):
            scenario.command(first)
        # The last write is the release of the Lease: it expires instead.
        assert world.holder() in ("", first.holder if call.what.startswith("leases") else ""), call
        assert scenario.resume(world.process()) == 0, call
        settle(world)
        assert (world.desired_model, world.state["outcome"]) == (
            ref(scenario.final_version) if scenario.final_version else "",
            scenario.outcome,
        ), call
