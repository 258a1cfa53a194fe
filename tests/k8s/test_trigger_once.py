"""A red drift verdict creates one Job, despite concurrent runs and kills; against `memory_api`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chatbot.loop.retrain_history import record_busy
from chatbot.store.folder import FolderStore
from k8s import trigger
from tests.k8s.harness import KILLED, at_request, exit_code_of, outage
from tests.k8s.memory_api import Call, Killed, Process, World
from tests.support.drift_verdict import drift_verdict

CRONJOB = "support-chatbot-retrain"
LEASE = "support-chatbot-trigger"
HOUR = 3600.0


@pytest.fixture(autouse=True)
def environment(pod_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHATBOT_K8S_VERDICT", str(tmp_path / "drift.json"))
    write_verdict(tmp_path)


def write_verdict(folder: Path, colour: str = "red", *red: str) -> None:
    verdict = drift_verdict("1", "a" * 64, red or ("scope.low",), colour)
    (folder / "drift.json").write_text(json.dumps(verdict))


def delete_memory(folder: Path) -> None:
    (folder / "store" / "memory" / "retrain.json").unlink(missing_ok=True)


def world_with_cronjob() -> World:
    world = World()
    template = {
        "metadata": {"labels": {"of": "the template"}, "annotations": {"as": "well"}},
        "spec": {"a field": "that this client does not know"},
    }
    world.api.put(
        "cronjobs", {"metadata": {"name": CRONJOB}, "spec": {"suspend": True, "jobTemplate": template}}
    )
    return world


def run(process: Process) -> int:
    return exit_code_of(lambda: trigger.main([], process))


def jobs(world: World) -> list[dict[str, Any]]:
    return world.api.list("jobs")


def finish_jobs(world: World, kind: str = "Complete") -> None:
    """Finish all Jobs."""
    for job in jobs(world):
        if not job.get("status"):
            conditions = [{"type": "SuccessCriteriaMet", "status": "True"}, {"type": kind, "status": "True"}]
            world.api.put("jobs", job | {"status": {"conditions": conditions}})


def remembered_requests(folder: Path) -> int:
    file = folder / "store" / "memory" / "retrain.json"
    return len(json.loads(file.read_text())["asked"]) if file.exists() else 0


def decision(world: World) -> str:
    found = [
        labels["decision"] for labels, value in world.gateway.samples("chatbot_trigger_decision") if value
    ]
    assert len(found) == 1
    return found[0]


def recorded_requests() -> list[Call]:
    process = world_with_cronjob().process()
    assert run(process) == 0
    return process.calls


def assert_asked_once(world: World, folder: Path, context: object) -> None:
    """Assert one Job and one recorded request, now and after another run, with and without the Job."""
    assert (len(jobs(world)), remembered_requests(folder)) == (1, 1), context
    finish_jobs(world)
    assert run(world.process()) == 0
    assert decision(world) == "remembered", context
    world.api.delete("jobs", jobs(world)[0]["metadata"]["name"])  # cleaned up by the cluster
    world.clock.advance(100 * HOUR)
    assert run(world.process()) == 0
    assert (len(jobs(world)), remembered_requests(folder)) == (0, 1), (
        f"{context}: asked twice for the same drift"
    )


def test_the_job_has_the_templates_content_and_is_owned_by_the_cronjob(tmp_path: Path) -> None:
    world = world_with_cronjob()
    write_verdict(tmp_path, "red", "scope.low", "intents")
    assert run(world.process()) == 0
    (job,) = jobs(world)
    assert job["spec"] == {"a field": "that this client does not know"}
    assert job["metadata"]["labels"] == {"of": "the template"}
    annotations = job["metadata"]["annotations"]
    assert annotations["support-chatbot/asked-because"].startswith("drift: intents, scope.low (")
    assert (annotations["as"], annotations["cronjob.kubernetes.io/instantiate"]) == ("well", "manual")
    (owner,) = job["metadata"]["ownerReferences"]
    assert owner["uid"] == world.api.get("cronjobs", CRONJOB)["metadata"]["uid"]
    assert (decision(world), world.holder(LEASE)) == ("asked", "")
    ((_, success),) = world.gateway.samples("chatbot_trigger_success")
    assert success == 1
    assert_asked_once(world, tmp_path, "undisturbed")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_killed_at_any_request_leads_to_one_job(when: str, tmp_path: Path) -> None:
    calls = recorded_requests()
    assert len(calls) >= 8
    for call in calls:
        delete_memory(tmp_path)
        world = world_with_cronjob()
        first = world.process()
        getattr(first, when).append(at_request(call.number, first.kill))
        assert run(first) == KILLED
        finish_jobs(world)  # otherwise the next run finds a running Job
        assert run(world.process()) == 0
        assert_asked_once(world, tmp_path, f"killed {when} {call}")


def test_concurrent_runs_create_one_job_at_any_interleaving(tmp_path: Path) -> None:
    for call in recorded_requests():
        delete_memory(tmp_path)
        world = world_with_cronjob()
        first = world.process()
        codes: list[int] = []
        first.before.append(
            at_request(call.number, lambda world=world, codes=codes: codes.append(run(world.process())))
        )
        codes.append(run(first))
        assert codes == [0, 0], call
        assert_asked_once(world, tmp_path, f"a second one before {call}")


def test_a_run_suspended_during_another_run_creates_no_second_job(tmp_path: Path) -> None:
    for call in recorded_requests():
        delete_memory(tmp_path)
        world = world_with_cronjob()
        suspended = world.process()

        def suspend(suspended: Process = suspended, world: World = world) -> None:
            suspended.is_suspended = True
            assert run(world.process()) == 0
            suspended.is_suspended = False

        suspended.before.append(at_request(call.number, suspend))
        assert run(suspended) in (0, 1), call
        assert_asked_once(world, tmp_path, f"stood still before {call}")


@pytest.mark.parametrize("how", ["refused", "503"])
def test_a_short_api_server_outage_at_any_request_does_not_change_the_result(
    how: str, tmp_path: Path
) -> None:
    for call in recorded_requests():
        delete_memory(tmp_path)
        world = world_with_cronjob()
        process = world.process()
        process.before.append(outage(process, call.number, 3.0, how))
        assert run(process) == 0, call
        world.clock.advance(10)
        assert (len(jobs(world)), remembered_requests(tmp_path)) == (1, 1), call


def test_a_lost_response_to_the_creation_leads_to_no_second_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_with_cronjob()
    process = world.process()

    def lose_answer(call: Call) -> None:
        if call.what == "jobs" and call.is_write and len(jobs(world)) == 1 and not lost:
            lost.append(call)
            raise OSError("timed out")

    lost: list[Call] = []
    process.after.append(lose_answer)
    assert run(process) == 0
    assert "was made before, for the same drift" in capsys.readouterr().out
    assert_asked_once(world, tmp_path, "lost answer")
    assert "was answered" in capsys.readouterr().out


def test_no_retraining_is_requested_while_one_is_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_with_cronjob()
    uid = world.api.get("cronjobs", CRONJOB)["metadata"]["uid"]
    world.api.put("jobs", {"metadata": {"name": "anothers", "ownerReferences": [{"uid": "another"}]}})
    world.api.put("jobs", {"metadata": {"name": "by-hand", "ownerReferences": [{"uid": uid}]}})
    assert run(world.process()) == 0
    assert (decision(world), len(jobs(world)), remembered_requests(tmp_path)) == ("running", 2, 0)
    assert "job/by-hand is retraining already" in capsys.readouterr().out
    finish_jobs(world)
    assert run(world.process()) == 0
    assert (decision(world), len(jobs(world)), remembered_requests(tmp_path)) == ("asked", 3, 1)


def test_the_cooldown_applies_to_another_drift_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_with_cronjob()
    assert run(world.process()) == 0
    finish_jobs(world)
    write_verdict(tmp_path, "red", "another.check")
    world.clock.advance(23 * HOUR)
    assert run(world.process()) == 0
    assert (decision(world), len(jobs(world))) == ("remembered", 1)
    assert "the cool-down lasts until" in capsys.readouterr().out
    world.clock.advance(2 * HOUR)
    assert run(world.process()) == 0
    assert (decision(world), len(jobs(world))) == ("asked", 2)


def test_a_failed_retraining_is_requested_again_under_another_name(tmp_path: Path) -> None:
    world = world_with_cronjob()
    for number in range(1, 4):
        assert run(world.process()) == 0
        assert (decision(world), len(jobs(world))) == ("asked", number)
        finish_jobs(world, "Failed")
        world.clock.advance(25 * HOUR)
    names = {job["metadata"]["name"] for job in jobs(world)}
    assert len(names) == 3
    assert max(map(len, names)) <= 63


@pytest.mark.parametrize("seen", [True, False])
def test_a_retraining_whose_job_is_gone_blocks_its_drift_for_the_cooldown_only(
    seen: bool, tmp_path: Path
) -> None:
    world = world_with_cronjob()
    assert run(world.process()) == 0
    if seen:
        finish_jobs(world, "Failed")
        world.clock.advance(HOUR)
        assert run(world.process()) == 0
        assert decision(world) == "remembered"
    world.api.delete("jobs", jobs(world)[0]["metadata"]["name"])
    world.clock.advance(HOUR)
    assert run(world.process()) == 0
    assert (decision(world), jobs(world)) == ("remembered", []), "within the cool-down"
    world.clock.advance(24 * HOUR)
    assert run(world.process()) == 0
    assert (decision(world), len(jobs(world)), remembered_requests(tmp_path)) == ("asked", 1, 2)


@pytest.mark.parametrize(("pod", "expected"), [("{job}-x7k2q", "asked"), ("by-hand-x7k2q", "remembered")])
def test_a_retraining_that_found_another_one_running_is_requested_again(
    pod: str, expected: str, tmp_path: Path
) -> None:
    world = world_with_cronjob()
    assert run(world.process()) == 0
    record_busy(FolderStore(tmp_path / "store"), pod.format(job=jobs(world)[0]["metadata"]["name"]))
    finish_jobs(world)
    for _ in range(2):
        world.clock.advance(13 * HOUR)
        assert run(world.process()) == 0
    assert decision(world) == expected


def test_a_live_lease_holder_is_not_interrupted(tmp_path: Path) -> None:
    world = world_with_cronjob()

    def renew() -> None:
        spec = {"holderIdentity": "another", "renewTime": str(world.clock.seconds), "leaseDurationSeconds": 6}
        world.api.patch("leases", LEASE, {"spec": spec})
        world.clock.at(2.0, renew)

    renew()
    assert run(world.process()) == 0
    assert (decision(world), jobs(world), world.holder(LEASE)) == ("held", [], "another")


@pytest.mark.parametrize("colour", ["green", "silent"])
def test_a_run_without_drift_sends_no_request_to_the_api_server(
    tmp_path: Path, colour: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_verdict(tmp_path, colour)
    world = world_with_cronjob()
    process = world.process()
    assert run(process) == 0
    assert {call.server for call in process.calls} == {"gateway"}
    assert decision(world) == colour
    assert "nothing to do" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("verb", "resource"),
    [("get", "leases"), ("update", "leases"), ("get", "cronjobs"), ("list", "jobs"), ("create", "jobs")],
)
def test_a_missing_permission_is_named_and_nothing_is_recorded(
    verb: str, resource: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_with_cronjob()
    world.api.denied.add((verb, resource))
    assert run(world.process()) == 1
    output = capsys.readouterr().err
    assert f'cannot {verb} resource "{resource}"' in output
    assert "docs/operations/kubernetes.md" in output
    assert (jobs(world), remembered_requests(tmp_path)) == ([], 0)
    ((_, success),) = world.gateway.samples("chatbot_trigger_success")
    assert success == 0
    world.api.denied.clear()
    assert run(world.process()) == 0
    assert_asked_once(world, tmp_path, (verb, resource))


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("cronjob", 'cronjobs "support-chatbot-retrain" not found'),
        ("verdict", "python -m monitoring.drift_report"),
    ],
)
def test_a_missing_object_is_reported_in_one_line(
    missing: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_with_cronjob()
    if missing == "cronjob":
        world.api.delete("cronjobs", CRONJOB)
    else:
        (tmp_path / "drift.json").unlink()
    assert run(world.process()) == 1
    output = capsys.readouterr().err
    assert expected in output
    assert len(output.splitlines()) == 1


def test_a_signal_at_any_request_releases_the_lease(tmp_path: Path) -> None:
    def send_sigterm() -> None:
        raise SystemExit(143)

    for call in [c for c in recorded_requests() if c.server == "api" and not c.what.startswith("leases")]:
        delete_memory(tmp_path)
        world = world_with_cronjob()
        process = world.process()
        process.before.append(at_request(call.number, send_sigterm))
        with pytest.raises(SystemExit):
            run(process)
        assert world.holder(LEASE) == "", call


def test_a_killed_process_stops_at_its_next_call() -> None:
    """Checks the test harness itself."""
    process = World().process()
    with pytest.raises(Killed):
        process.kill()
    with pytest.raises(Killed):
        process.sleep(1)


def test_a_pod_whose_shard_did_not_form_the_verdict_asks_for_nothing(tmp_path: Path) -> None:
    world = world_with_cronjob()
    assert exit_code_of(lambda: trigger.main(["--optional"], Process(world))) == 0
    assert len(jobs(world)) == 1, "a verdict that is there is acted on"
    (tmp_path / "drift.json").unlink()
    world = world_with_cronjob()
    assert exit_code_of(lambda: trigger.main(["--optional"], Process(world))) == 0
    assert jobs(world) == []
    assert run(Process(world)) == 1
