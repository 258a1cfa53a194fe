"""A server is away at any request of a promotion, for a moment or for long; against `memory_api`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.k8s.harness import (
    at_request,
    outage,
    prepare_environment,
    run_promote,
    run_rollback,
    settle,
    write_retrain_result,
)
from tests.k8s.memory_api import Behaviour, Call, ErrorResponse, World, digest, ref
from tests.k8s.scenarios import (
    SCENARIOS,
    Scenario,
    all_scenarios,
    assert_consistent,
    expected_exit_code,
    is_write,
    recorded_requests,
)

SHORT, LONG = 3.0, 60.0
"""Seconds: less than a Lease lasts and than this package's patience, and more than both."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepare_environment(monkeypatch, tmp_path)
    write_retrain_result(tmp_path, ref(2))


def assert_consistent_except_events(world: World, scenario: Scenario, what: object) -> None:
    """What cannot be said while the API server is away is not said later."""
    assert_consistent(world, scenario, what, tuple(e for e in scenario.events if not world.events[e]))


@pytest.mark.parametrize(("name", "how"), [("promoted", "refused"), ("worse metrics", "503")])
def test_all_servers_away_for_a_moment_at_any_request_stop_nothing(name: str, how: str) -> None:
    scenario = SCENARIOS[name]
    for call in recorded_requests(
        scenario, lambda call: call.what.startswith("deployments") or call.is_write
    ):
        world = scenario.create_world()
        process = world.process()
        process.before.append(outage(process, call.number, SHORT, how))
        assert scenario.command(process) == 0, call
        world.api.patch("leases", "support-chatbot-promote", {"spec": {"holderIdentity": ""}})
        run_promote(world.process())  # what the pushgateway did not take
        assert_consistent_except_events(world, scenario, f"{how} at {call}")


@all_scenarios
def test_a_write_that_was_done_and_whose_answer_was_lost_is_not_taken_for_somebody_elses(
    scenario: Scenario,
) -> None:
    undisturbed = scenario.create_world()
    scenario.command(undisturbed.process())
    said = undisturbed.message("ModelRollout")
    for call in recorded_requests(scenario, is_write):
        world = scenario.create_world()
        process = world.process()

        def lose() -> None:
            raise OSError("timed out")

        process.after.append(at_request(call.number, lose))
        assert scenario.command(process) == expected_exit_code(scenario), call
        settle(world)
        world.clock.advance(10)
        assert run_promote(world.process()) == 0
        assert_consistent_except_events(world, scenario, f"no answer to {call}")
        assert set(world.events) <= set(scenario.events)
        if world.events["ModelRollout"]:
            assert world.message("ModelRollout") == said, call


@pytest.mark.parametrize(("name", "how"), [("promoted", "timeout"), ("worse metrics", "500")])
def test_all_servers_away_for_long_in_any_phase_end_the_run_and_the_next_one_goes_on(
    name: str, how: str
) -> None:
    scenario = SCENARIOS[name]
    for call in recorded_requests(
        scenario, lambda call: (call.is_write and call.server == "api") or call.is_watch
    ):
        world = scenario.create_world()
        process = world.process()
        process.before.append(outage(process, call.number, LONG, how))
        code = scenario.command(process)
        over = world.state.get("phase") == "done"
        assert code == (0 if over else 1), call
        world.clock.advance(LONG)
        assert scenario.resume(world.process()) == 0
        assert_consistent_except_events(world, scenario, f"{how} at {call}")


def test_mlflow_away_when_the_alias_is_to_move_leaves_what_serves_and_the_next_run_moves_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scenario = SCENARIOS["promoted"]
    for call in recorded_requests(scenario, lambda call: call.server == "mlflow" and call.number > 20):
        world = scenario.create_world()
        process = world.process()

        def refuse(found: Call, first: int = call.number) -> None:
            if found.server == "mlflow" and found.number >= first:
                raise ErrorResponse(503)

        process.before.append(refuse)
        assert run_promote(process) == 1
        assert "What serves goes on serving" in capsys.readouterr().err
        assert (world.desired_model, world.champion, world.state["phase"]) == (ref(2), "1", "naming")
        assert run_promote(world.process()) == 0
        assert_consistent(world, scenario, call)


def test_mlflow_that_refuses_is_not_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    process = world.process()

    def refuse(call: Call) -> None:
        if call.server == "mlflow":
            raise ErrorResponse(403)

    process.before.append(refuse)
    assert run_rollback("2")(process) == 1
    assert "refuses model-versions/get: 403" in capsys.readouterr().err
    assert len(process.calls) == 1


def test_pods_that_do_not_answer_condemn_no_model_and_end_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATBOT_K8S_PATIENCE_SECONDS", "3")
    world = World({digest(2): Behaviour(unresponsive=True)})
    assert run_promote(world.process()) == 1
    assert "does a NetworkPolicy allow it from here?" in capsys.readouterr().err
    assert (world.desired_model, world.state["phase"]) == (ref(2), "watching")
    assert world.clock.seconds > 103, "it had patience"
    world.behaviours = {}
    assert run_promote(world.process()) == 0
    assert_consistent(world, SCENARIOS["promoted"], "answers again")


def test_a_watch_that_breaks_in_any_moment_is_begun_again() -> None:
    scenario = SCENARIOS["never ready"]
    for number in range(6):
        world = scenario.create_world()
        process = world.process()
        process.broken_after = number
        assert scenario.command(process) == 0
        assert_consistent(world, scenario, f"broken after {number} chunks")


def test_a_pushgateway_that_is_away_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    process = world.process()

    def refuse(call: Call) -> None:
        if call.server == "gateway":
            raise OSError("refused")

    process.before.append(refuse)
    assert run_promote(process) == 0
    assert (world.desired_model, world.champion) == (ref(2), "2")
    assert "the pushgateway at http://gateway does not take it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("get", "leases"),
        ("update", "leases"),
        ("get", "deployments"),
        ("patch", "deployments"),
        ("watch", "deployments"),
        ("list", "replicasets"),
        ("list", "pods"),
    ],
)
def test_a_right_that_is_missing_is_named_at_once_and_once_given_the_next_run_goes_on(
    verb: str, resource: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world = SCENARIOS["promoted"].create_world()
    began = world.clock.seconds
    world.api.denied.add((verb, resource))
    assert run_promote(world.process()) == 1
    said = capsys.readouterr().err
    assert f'cannot {verb} resource "{resource}"' in said
    assert "docs/operations/kubernetes.md" in said
    assert world.clock.seconds - began < 5, "a refusal is not asked again"
    world.api.denied.clear()
    assert run_promote(world.process()) == 0
    assert_consistent(world, SCENARIOS["promoted"], (verb, resource))


def test_without_the_right_to_create_events_a_promotion_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    world = SCENARIOS["promoted"].create_world()
    world.api.denied.add(("create", "events"))
    assert run_promote(world.process()) == 0
    assert (world.desired_model, world.champion, world.events) == (ref(2), "2", {})
    assert "no Event: " in capsys.readouterr().err


def test_a_controller_that_is_slow_condemns_no_model_for_what_it_said_of_the_one_before() -> None:
    """The model before never became ready; the status says so still when the next one is told."""
    world = World({digest(4): Behaviour(exit="damaged"), digest(2): Behaviour(start=8)}, lag=1.0, stale=6.0)
    world.set_model(ref(4))
    world.clock.advance(40)
    assert "timed out" in str(world.api.get("deployments", "support-chatbot-api")["status"])
    world.clock.at(4, world.touch)  # and says it once more
    assert run_promote(world.process()) == 0
    assert (world.desired_model, world.state["outcome"]) == (ref(2), "promoted")
