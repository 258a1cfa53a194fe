"""An uninstall waits until the API's pods have left, so that they upload while the store runs."""

from __future__ import annotations

import pytest

from k8s import drain
from tests.k8s.harness import KILLED, at_request, exit_code_of
from tests.k8s.memory_api import DEPLOYMENT, Process, World

pytestmark = pytest.mark.usefixtures("pod_environment")


def run(process: Process, *arguments: str) -> int:
    return exit_code_of(lambda: drain.main(list(arguments), process))


def test_it_ends_when_the_last_pod_has_left(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(replicas=3)
    pods = [pod["metadata"]["name"] for pod in world.api.list("pods")]
    assert run(world.process()) == 0
    assert world.api.list("pods") == []
    assert world.api.get("deployments", DEPLOYMENT)["spec"]["replicas"] == 0
    output = capsys.readouterr().out
    assert all(name in output for name in pods)
    assert "has no pods left" in output


def test_it_sends_only_what_its_role_allows() -> None:
    process = World(replicas=2).process()
    assert run(process) == 0
    assert {(call.method, call.what) for call in process.calls} == {
        ("GET", f"deployments/{DEPLOYMENT}"),
        ("PATCH", f"deployments/{DEPLOYMENT}/scale"),
        ("GET", "pods"),
    }


def test_pods_that_remain_fail_the_hook_and_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(replicas=1)
    (pod,) = world.api.list("pods")
    world.controller.stuck = True
    assert run(world.process(), "--seconds=30") == 1
    error = capsys.readouterr().err
    assert pod["metadata"]["name"] in error
    assert "--no-hooks" in error
    assert f"scale deployment {DEPLOYMENT}" in error


def test_a_pod_that_was_evicted_and_remains_as_an_object_is_not_waited_for() -> None:
    world = World(replicas=1)
    (pod,) = world.api.list("pods")
    evicted = pod | {"metadata": pod["metadata"] | {"name": "evicted", "deletionTimestamp": "now"}}
    world.api.put("pods", evicted | {"status": {"phase": "Failed", "conditions": []}})
    assert run(world.process(), "--seconds=30") == 0


def test_a_release_without_the_deployment_has_nothing_to_drain() -> None:
    world = World(replicas=1)
    del world.api.objects["deployments", DEPLOYMENT]
    assert run(world.process()) == 0


def test_killed_at_any_request_the_next_run_drains() -> None:
    world = World(replicas=2)
    process = world.process()
    assert run(process) == 0
    for number in range(1, len(process.calls) + 1):
        world = World(replicas=2)
        killed = world.process()
        killed.before.append(at_request(number, killed.kill))
        assert run(killed) == KILLED
        assert run(world.process()) == 0
        assert world.api.list("pods") == []
