"""Short and long outages of all servers at any request of a rollout; against `memory_api`."""

from __future__ import annotations

import pytest

from tests.k8s.harness import (
    at_request,
    outage,
    run_promote,
    run_rollback,
    settle,
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

pytestmark = pytest.mark.usefixtures("accepted_version_2")

SHORT, LONG = 3.0, 60.0
"""Seconds: shorter than the lease duration and the retry time, and longer than both."""


def assert_consistent_except_events(world: World, scenario: Scenario, context: object) -> None:
    """Assert the result; Events that fail during an outage are not retried."""
    assert_consistent(world, scenario, context, tuple(e for e in scenario.events if not world.events[e]))


@pytest.mark.parametrize(("name", "how"), [("promoted", "refused"), ("worse metrics", "503")])
def test_a_short_outage_at_any_request_does_not_change_the_result(name: str, how: str) -> None:
    scenario = SCENARIOS[name]
    for call in recorded_requests(
        scenario, lambda call: call.what.startswith("deployments") or call.is_write
    ):
        world = scenario.create_world()
        process = world.process()
        process.before.append(outage(process, call.number, SHORT, how))
        assert scenario.command(process) == 0, call
        world.api.patch("leases", "support-chatbot-promote", {"spec": {"holderIdentity": ""}})
        run_promote(world.process())  # pushes what failed during the outage
        assert_consistent_except_events(world, scenario, f"{how} at {call}")


@all_scenarios
def test_a_write_whose_response_is_lost_is_recognised_as_the_runs_own(
    scenario: Scenario,
) -> None:
    undisturbed = scenario.create_world()
    scenario.command(undisturbed.process())
    output = undisturbed.message("ModelRollout")
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
            assert world.message("ModelRollout") == output, call


@pytest.mark.parametrize(("name", "how"), [("promoted", "timeout"), ("worse metrics", "500")])
def test_a_long_outage_in_any_phase_ends_the_run_and_the_next_run_resumes(name: str, how: str) -> None:
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


def test_an_mlflow_outage_keeps_the_serving_model_and_the_next_run_moves_the_alias(
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
        assert "The serving model is unchanged" in capsys.readouterr().err
        assert (world.desired_model, world.champion, world.state["phase"]) == (ref(2), "1", "naming")
        assert run_promote(world.process()) == 0
        assert_consistent(world, scenario, call)


def test_a_request_refused_by_mlflow_is_not_retried(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    process = world.process()

    def refuse(call: Call) -> None:
        if call.server == "mlflow":
            raise ErrorResponse(403)

    process.before.append(refuse)
    assert run_rollback("2")(process) == 1
    assert "refuses mlflow/model-versions/get" in capsys.readouterr().err
    assert len(process.calls) == 1


def test_pods_that_do_not_answer_end_the_run_without_a_rollback(
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


def test_a_broken_watch_is_restarted() -> None:
    scenario = SCENARIOS["never ready"]
    for number in range(6):
        world = scenario.create_world()
        process = world.process()
        process.broken_after = number
        assert scenario.command(process) == 0
        assert_consistent(world, scenario, f"broken after {number} chunks")


def test_a_pushgateway_outage_does_not_stop_a_rollout(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    process = world.process()

    def refuse(call: Call) -> None:
        if call.server == "gateway":
            raise OSError("refused")

    process.before.append(refuse)
    assert run_promote(process) == 0
    assert (world.desired_model, world.champion) == (ref(2), "2")
    assert "the pushgateway at http://gateway does not take it" in capsys.readouterr().err


def test_metrics_survive_a_pushgateway_that_is_unreachable_for_20_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World()
    process = world.process()
    refused_until: list[float] = []

    def refuse(call: Call) -> None:
        if call.server == "gateway":
            refused_until or refused_until.append(world.clock.seconds + 20)
            if world.clock.seconds < refused_until[0]:
                raise OSError("Temporary failure in name resolution")

    process.before.append(refuse)
    assert run_promote(process) == 0
    assert refused_until, "metrics were pushed"
    assert "does not take it" not in capsys.readouterr().err


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
def test_a_missing_permission_is_named_at_once_and_the_next_run_resumes_once_it_is_granted(
    verb: str, resource: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world = SCENARIOS["promoted"].create_world()
    started_at = world.clock.seconds
    world.api.denied.add((verb, resource))
    assert run_promote(world.process()) == 1
    output = capsys.readouterr().err
    assert f'cannot {verb} resource "{resource}"' in output
    assert "docs/operations/kubernetes.md" in output
    assert world.clock.seconds - started_at < 5, "a refusal is not asked again"
    world.api.denied.clear()
    assert run_promote(world.process()) == 0
    assert_consistent(world, SCENARIOS["promoted"], (verb, resource))


def test_a_rollout_succeeds_without_the_permission_to_create_events(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = SCENARIOS["promoted"].create_world()
    world.api.denied.add(("create", "events"))
    assert run_promote(world.process()) == 0
    assert (world.desired_model, world.champion, world.events) == (ref(2), "2", {})
    assert "no Event: " in capsys.readouterr().err


def test_a_stale_failure_of_the_previous_rollout_causes_no_rollback() -> None:
    """The previous model never became ready, and the status still says so when the next rollout starts."""
    world = World({digest(4): Behaviour(exit="damaged"), digest(2): Behaviour(start=8)}, lag=1.0, stale=6.0)
    world.set_model(ref(4))
    world.clock.advance(40)
    assert "timed out" in str(world.api.get("deployments", "support-chatbot-api")["status"])
    world.clock.at(4, world.touch)  # the controller reports it again
    assert run_promote(world.process()) == 0
    assert (world.desired_model, world.state["outcome"]) == (ref(2), "promoted")
