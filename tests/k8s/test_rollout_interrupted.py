"""A promotion that is killed at any request is gone on with by the next run, to the same end; against `memory_api`."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.k8s.harness import (
    KILLED,
    at_request,
    on_first,
    prepare_environment,
    run_promote,
    settle,
    write_retrain_result,
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


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepare_environment(monkeypatch, tmp_path)
    write_retrain_result(tmp_path, ref(2))


def assert_resumes(scenario: Scenario, call: Call, when: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kill at this request, go on with another process, and judge the end."""
    world, what = scenario.create_world(), f"killed {when} {call}"
    first = world.process()
    getattr(first, when).append(at_request(call.number, first.kill))
    assert scenario.command(first) == KILLED
    known, phase = world.state.get("id"), world.state.get("phase", "done")
    capsys.readouterr()
    # What was not begun leaves nothing to go on with: it is asked for again.
    assert (scenario.resume if known else scenario.command)(world.process()) in (0, 1)
    if phase != "done":
        assert f": {phase} since 2026-" in capsys.readouterr().out, what
    assert known in (None, world.state["id"]), f"{what}: begun anew"
    missing_events = tuple(e for e in scenario.events if not world.events[e])
    swallowed = call.what == ("events" if when == "before" else f"deployments/{DEPLOYMENT}")
    assert len(missing_events) <= swallowed, what
    assert_consistent(world, scenario, what, missing_events)


@all_scenarios
def test_undisturbed_it_ends_so(scenario: Scenario) -> None:
    world = scenario.create_world()
    assert scenario.command(world.process()) == (
        scenario.outcome == "taken_back" and scenario.command is not run_promote
    )
    assert_consistent(world, scenario, "undisturbed")


@main_scenarios
def test_killed_before_any_request_the_next_run_goes_on_to_the_same_end(
    scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    every = recorded_requests(scenario)
    assert len(every) > 40
    for call in every:
        assert_resumes(scenario, call, "before", capsys)


@all_scenarios
def test_killed_after_any_write_the_next_run_goes_on_to_the_same_end(
    scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    every = recorded_requests(scenario, is_write)
    assert len(every) >= 6
    for call in every:
        assert_resumes(scenario, call, "after", capsys)


@all_scenarios
def test_killed_in_one_phase_after_the_other_it_comes_to_the_same_end(scenario: Scenario) -> None:
    """Whoever goes on is killed too, after the first phase that it wrote down."""
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
def test_one_run_more_changes_nothing(scenario: Scenario) -> None:
    world = scenario.create_world()
    scenario.command(world.process())
    settle(world)
    version, moves = world.version, list(world.registry.moves)
    assert scenario.resume(world.process()) == 0
    assert run_promote(world.process()) == 0
    assert (world.version, world.registry.moves) == (version, moves)
    assert_consistent(world, scenario, "one run more")


@main_scenarios
def test_ended_by_a_signal_at_any_request_it_gives_the_lease_back_and_the_next_run_goes_on(
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
        # At the last write the Lease itself is what was to be given back: it runs out.
        assert world.holder() in ("", first.holder if call.what.startswith("leases") else ""), call
        assert scenario.resume(world.process()) == 0, call
        settle(world)
        assert (world.desired_model, world.state["outcome"]) == (
            ref(scenario.final_version) if scenario.final_version else "",
            scenario.outcome,
        ), call
