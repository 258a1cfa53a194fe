"""What k8s.promote promotes, what k8s.rollback sets, and reconciliation of alias and metric; in memory."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from chatbot.loop.retrain_result import RetrainResult
from chatbot.settings import KubernetesSettings
from k8s.api.client import Cluster
from k8s.api.lease import KubernetesLease
from tests.k8s.harness import (
    KILLED,
    at_request,
    on_first,
    run_promote,
    run_rollback,
    settle,
    write_retrain_result,
)
from tests.k8s.memory_api import (
    DEPLOYMENT,
    IMAGE_DIGEST,
    STATE_ANNOTATION,
    Behaviour,
    Call,
    ErrorResponse,
    World,
    digest,
    ref,
)


@pytest.fixture(autouse=True)
def environment(pod_environment: None, tmp_path: Path) -> None:
    write_retrain_result(tmp_path, "", outcome="refused")


def summary(world: World) -> tuple[str, str, list[str]]:
    settle(world)
    return world.desired_model, world.champion, world.served


def world_serving(number: int) -> World:
    """Return a world in which this version serves and is champion."""
    world = World()
    world.set_model(ref(number))
    world.registry.aliases["champion"] = str(number)
    settle(world)
    return world


def reasons(world: World) -> set[str]:
    samples = world.gateway.samples("chatbot_rollback_reason")
    return {labels["reason"] for labels, value in samples if value}


# promotion


@pytest.mark.parametrize("outcome", ["refused", "needs_review", "busy"])
def test_a_challenger_that_the_gate_did_not_accept_changes_nothing(outcome: str, tmp_path: Path) -> None:
    write_retrain_result(tmp_path, ref(2), outcome=outcome)
    world = World()
    version = world.version
    assert run_promote(world.process()) == 0
    assert (world.version, world.champion, world.events) == (version, "1", {})
    found = {labels["outcome"] for labels, value in world.gateway.samples("chatbot_retrain_outcome") if value}
    assert found == {outcome}


@pytest.mark.parametrize(
    ("serving", "compared", "expected"),
    [(0, 0, 2), (0, 5, 0), (3, 3, 2), (3, 0, 3)],
    ids=lambda number: str(number),
)
def test_a_challenger_is_promoted_only_over_the_champion_it_was_compared_with(
    serving: int, compared: int, expected: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_retrain_result(tmp_path, ref(2), judged_against=f"1@{digest(compared)}")
    world = world_serving(serving) if serving else World()
    assert run_promote(world.process()) == 0
    assert summary(world) == (ref(expected) if expected else "", str(expected or 1), [digest(expected)])
    assert ("the next run compares them again" in capsys.readouterr().out) == (expected != 2)


@pytest.mark.parametrize(("serving", "expected"), [(0, 2), (3, 3), (2, 2)])
def test_the_first_version_of_a_corpus_is_rolled_out_only_where_no_model_was_set(
    serving: int, expected: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the bootstrap Job runs it: every upgrade of the release runs it again."""
    write_retrain_result(tmp_path, ref(2), only_unset=True)
    # Until a model is set, the pods wait and answer nothing.
    world = world_serving(serving) if serving else World({IMAGE_DIGEST: Behaviour(unresponsive=True)})
    for _ in range(2):
        assert run_promote(world.process()) == 0
    assert summary(world) == (ref(expected), str(expected), [digest(expected)])
    assert "was watched" not in capsys.readouterr().out, "nothing served before that it can be compared with"


def test_an_only_unset_version_does_not_change_what_is_known_of_the_last_retraining(tmp_path: Path) -> None:
    """Every upgrade of a release with a corpus would end the alert on a retraining that the gate refused."""
    world = World()
    write_retrain_result(tmp_path, "", outcome="refused")
    assert run_promote(world.process()) == 0
    write_retrain_result(tmp_path, ref(2), only_unset=True)
    assert run_promote(world.process()) == 0
    found = {labels["outcome"] for labels, value in world.gateway.samples("chatbot_retrain_outcome") if value}
    assert found == {"refused"}


def test_a_result_that_names_no_version_is_nothing_to_promote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "retrain.json"
    RetrainResult(outcome="accepted", why="the image contains what is to serve", only_unset=True).write(file)
    assert run_promote(World().process()) == 0
    assert "nothing to promote: the image contains what is to serve" in capsys.readouterr().out


def test_a_rollout_that_an_upgrade_of_the_release_resumes_is_analysed_to_its_end(tmp_path: Path) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = World({digest(2): Behaviour(failed=0.2)})
    first = world.process()
    first.before.append(on_first(lambda call: world.state.get("phase") == "watching", first.kill))
    assert run_promote(first) == KILLED
    write_retrain_result(tmp_path, ref(1), only_unset=True)
    assert run_promote(world.process()) == 0
    assert reasons(world) == {"failed"}


def test_without_any_counters_of_the_serving_version_no_rollout_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Compared with nothing, every version would pass."""
    write_retrain_result(tmp_path, ref(2), judged_against=f"3@{digest(3)}")
    world = world_serving(3)
    world.behaviours = {digest(3): Behaviour(unresponsive=True)}
    version = world.version
    assert run_promote(world.process()) == 1
    assert "none of 1 pods" in (message := capsys.readouterr().err)
    assert "The rollout is not started" in message
    assert (world.version, world.state) == (version, {})

    def answers() -> None:
        world.behaviours = {}

    world.clock.at(10, answers)
    assert run_promote(world.process()) == 0
    assert summary(world) == (ref(2), "2", [digest(2)])


def test_during_a_rollout_the_metrics_name_its_model_and_a_deadline(tmp_path: Path) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = world_serving(3)
    world.behaviours = {digest(2): Behaviour(failed=0.2)}
    seen: dict[str, tuple[str, bool]] = {}

    def look(_call: Call) -> None:
        models = world.gateway.samples("chatbot_desired_model_info")
        deadlines = world.gateway.samples("chatbot_rollout_deadline_timestamp_seconds")
        if (phase := world.state.get("phase", "")) and models and deadlines:
            late = deadlines[0][1] - process.now().timestamp()
            seen[phase] = (models[0][0]["bundle"], 0 < late <= 65)

    process = world.process()
    process.before.append(look)
    assert run_promote(process) == 0
    look(process.calls[-1])
    assert seen == {
        "rolling": (digest(2), True),
        "watching": (digest(2), True),
        "taking-back": (digest(3), True),
        "done": (digest(3), False),
    }
    ((_, deadline),) = world.gateway.samples("chatbot_rollout_deadline_timestamp_seconds")
    assert deadline == 0


def test_no_rollout_starts_for_the_model_that_already_serves(tmp_path: Path) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = world_serving(2)
    version = world.version
    assert run_promote(world.process()) == 0
    assert (world.version, world.events) == (version, {})


@pytest.mark.parametrize("content", [None, "{}", '{"outcome": "who knows"}'])
def test_a_missing_or_malformed_result_is_reported_in_one_line(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "retrain.json").unlink()
    if content is not None:
        (tmp_path / "retrain.json").write_text(content)
    world = World()
    assert run_promote(world.process()) == 1
    message = capsys.readouterr().err
    assert "retrain.json" in message
    assert len(message.splitlines()) == 1
    assert world.holder() == ""


def test_an_interrupted_rollout_is_resumed_even_without_a_result(tmp_path: Path) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = World()
    first = world.process()
    first.before.append(on_first(lambda call: world.state.get("phase") == "watching", first.kill))
    assert run_promote(first) == KILLED
    (tmp_path / "retrain.json").unlink()
    assert run_promote(world.process()) == 1
    assert (world.state["outcome"], world.champion) == ("promoted", "2")


@pytest.mark.parametrize(
    ("behaviour", "reason", "why"),
    [
        (Behaviour(failed=0.2), "failed", "failed messages: "),
        (Behaviour(slow=0.5), "slow", "messages over 0.005 s: "),
        (Behaviour(handoffs=0.6), "handoffs", "handoffs: "),
        (Behaviour(negative=0.7), "negative_feedback", "negative feedback: "),
        (
            Behaviour(serves=digest(9)),
            "other_model",
            f"serves the bundle {digest(9)[:12]} instead of {ref(2).partition('@')[2][:12]}",
        ),
        (Behaviour(exit="encoder.onnx is damaged"), "not_ready", "exit code 3, encoder.onnx is damaged"),
        (Behaviour(ready=False), "not_ready", "running, not ready"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_automatic_rollback_reports_its_reason_and_blocks_the_model_from_promotion(
    behaviour: Behaviour, reason: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = World({digest(2): behaviour}, replicas=2)
    assert run_promote(world.process()) == 0
    assert summary(world) == ("", "1", [IMAGE_DIGEST] * 2)
    message = world.message("ModelTakenBack")
    assert why in message
    assert reasons(world) == {reason}
    if reason not in ("other_model", "not_ready"):
        assert re.search(r": \d+ of \d+ \(\d+\.\d%\), with the version before \d+ of \d+ \(", message), (
            message
        )
    version = world.version
    assert run_promote(world.process()) == 0
    assert "was rolled back before: no run promotes it again by itself" in capsys.readouterr().out
    assert world.version == version
    world.behaviours = {}
    assert run_rollback("2")(world.process()) == 0
    assert summary(world) == (ref(2), "2", [digest(2)] * 2)
    assert digest(2) not in world.blocked, "a person may"


def test_a_rollout_past_its_own_deadline_is_rolled_back_before_the_controllers_deadline(
    tmp_path: Path,
) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = World({digest(2): Behaviour(ready=False)})
    world.api.patch("deployments", DEPLOYMENT, {"spec": {"progressDeadlineSeconds": 6000}})
    assert run_promote(world.process()) == 0
    assert summary(world) == ("", "1", [IMAGE_DIGEST])
    assert "not ready within 60 s: " in world.message("ModelTakenBack")


def test_with_too_few_messages_the_analysis_lasts_for_its_maximum_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = World(rate=0)
    assert run_promote(world.process()) == 0
    assert ": 0 messages in 5 s, too few to tell" in capsys.readouterr().out
    assert (world.desired_model, world.champion) == (ref(2), "2")


def test_a_previous_model_that_does_not_become_ready_is_reported_and_the_next_run_resumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = world_serving(3)
    world.behaviours = {digest(2): Behaviour(failed=0.9), digest(3): Behaviour(ready=False)}
    assert run_promote(world.process()) == 1
    assert "does not become ready either" in capsys.readouterr().err
    assert world.state["phase"] == "taking-back"
    assert world.events["ModelNotReady"] == 1
    # The bootstrap Job of an upgrade has nothing to do with it, unless the version is the one that it rolls out.
    for challenger, code in (("", 0), (ref(3), 0), (ref(2), 1)):
        write_retrain_result(tmp_path, challenger, only_unset=True)
        assert run_promote(world.process()) == code
        said = capsys.readouterr()
        assert "does not become ready either" in (said.err if code else said.out)
        assert world.state["phase"] == "taking-back"
    write_retrain_result(tmp_path, ref(2))
    world.behaviours = {}
    for pod in world.api.list("pods"):
        world.make_ready(pod["metadata"]["name"])
    settle(world)
    assert run_promote(world.process()) == 0
    assert (world.desired_model, world.state["outcome"]) == (ref(3), "taken_back")


def test_pods_that_are_not_ready_at_the_end_of_the_analysis_cause_a_rollback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_retrain_result(tmp_path, ref(2))
    monkeypatch.setenv("CHATBOT_K8S_WATCH_SECONDS", "100")
    monkeypatch.setenv("CHATBOT_K8S_WATCH_MAX_SECONDS", "100")
    world = World()
    process = world.process()
    process.before.append(on_first(lambda call: world.state.get("phase") == "watching", world.make_unready))
    assert run_promote(process) == 0
    assert summary(world) == ("", "1", [IMAGE_DIGEST])
    assert reasons(world) == {"not_ready"}
    assert "its pods do not stay ready: " in world.message("ModelTakenBack")


# reconciliation


def test_an_alias_moved_by_hand_is_reconciled_with_the_serving_model() -> None:
    world = world_serving(3)
    world.registry.aliases["champion"] = "4"
    assert run_promote(world.process()) == 0
    assert summary(world) == (ref(3), "3", [digest(3)])
    assert world.blocked == [digest(4)], "what was champion and does not serve is not promoted by itself"
    assert "the alias moved from version 4 to 3" in world.message("ChampionFollows")
    assert run_promote(world.process()) == 0
    assert world.registry.moves == ["3"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_reconciliation_killed_at_any_request_is_completed_by_the_next_run(when: str) -> None:
    clean = world_serving(3)
    clean.registry.aliases["champion"] = "4"
    process = clean.process()
    assert run_promote(process) == 0
    for call in process.calls:
        world = world_serving(3)
        world.registry.aliases["champion"] = "4"
        first = world.process()
        getattr(first, when).append(at_request(call.number, first.kill))
        assert run_promote(first) == KILLED
        assert run_promote(world.process()) == 0
        assert summary(world) == (ref(3), "3", [digest(3)]), call
        assert world.blocked == [digest(4)], call
        assert world.events["ChampionFollows"] <= 1, call


def test_reconciliation_stops_when_the_lease_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    world = world_serving(3)
    world.registry.aliases["champion"] = "4"
    process = world.process()

    def steal_lease() -> None:
        world.api.patch("leases", "support-chatbot-promote", {"spec": {"holderIdentity": "usurper"}})
        world.clock.advance(3)

    process.before.append(on_first(lambda call: call.what.endswith("registered-models/get"), steal_lease))
    assert run_promote(process) == 1
    assert "usurper holds it" in capsys.readouterr().err
    assert (world.champion, world.blocked) == ("4", [])


def test_after_a_rollout_undo_the_undone_model_is_not_promoted_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    for number in (2, 3):
        write_retrain_result(tmp_path, ref(number))
        assert run_promote(world.process()) == 0
        settle(world)
    world.rollout_undo()
    settle(world)
    assert run_promote(world.process()) == 0
    assert summary(world) == (ref(2), "2", [digest(2)])
    assert "was rolled back before" in capsys.readouterr().out
    ((labels, _),) = world.gateway.samples("chatbot_desired_model_info")
    assert labels["bundle"] == digest(2)


@pytest.mark.parametrize("version", [[], ["reconcile"]])
def test_after_a_rollout_undo_a_rollback_without_a_version_reconciles(
    version: list[str], tmp_path: Path
) -> None:
    world = World()
    for number in (2, 3):
        write_retrain_result(tmp_path, ref(number))
        assert run_promote(world.process()) == 0
        settle(world)
    world.rollout_undo()
    settle(world)
    assert run_rollback(*version)(world.process()) == 0
    assert summary(world) == (ref(2), "2", [digest(2)])


def test_the_latest_version_of_a_bundle_registered_twice_becomes_champion() -> None:
    """The version is on the third page of the registry's search."""
    world = World()
    world.registry.digests[8] = IMAGE_DIGEST
    world.registry.aliases["champion"] = "4"
    assert run_promote(world.process()) == 0
    assert world.champion == "8"


def test_pods_of_different_images_do_not_move_the_alias() -> None:
    world = World(replicas=2)
    world.registry.aliases["champion"] = "4"
    serving = iter([digest(5), digest(6)])
    for pod in world.pods.values():
        pod.model = f"x@{next(serving)}"
    assert run_promote(world.process()) == 0
    assert world.champion == "4"


def test_an_unregistered_model_serves_and_the_alias_stays() -> None:
    world = world_serving(3)
    world.registry.digests.pop(3)
    assert run_promote(world.process()) == 0
    assert (world.desired_model, world.registry.moves) == (ref(3), [])
    assert "the registry does not know it" in world.message("ModelNotRegistered")


def test_a_version_with_another_bundle_than_the_serving_one_does_not_become_champion() -> None:
    world = world_serving(3)
    world.registry.digests[3] = digest(7)
    world.registry.digests[6] = digest(3)
    world.registry.aliases["champion"] = "4"
    assert run_promote(world.process()) == 0
    assert world.champion == "6"


def reinstalled() -> World:
    """Return a release that was installed anew over its data: its Deployment knows nothing of its champion, 7."""
    world = World()
    world.registry.retrained = {7}
    world.registry.aliases["champion"] = "7"
    return world


def test_a_release_that_is_installed_anew_over_its_data_serves_its_champion_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the bootstrap Job runs it."""
    world = reinstalled()
    write_retrain_result(tmp_path, ref(7), only_unset=True)
    assert run_promote(world.process()) == 0
    assert summary(world) == (ref(7), "7", [digest(7)])
    assert world.blocked == []
    assert "k8s.rollback" not in capsys.readouterr().out, "advice to do what this run does"


def test_a_new_deployment_does_not_demote_a_retrained_champion(capsys: pytest.CaptureFixture[str]) -> None:
    world = reinstalled()
    assert run_promote(world.process()) == 0
    assert summary(world) == ("", "7", [IMAGE_DIGEST])
    assert world.blocked == []
    assert "`python -m k8s.rollback 7` sets it" in capsys.readouterr().out


def test_the_champion_of_a_new_deployment_follows_the_bundle_of_a_newer_image() -> None:
    world = reinstalled()
    world.registry.retrained = set()
    assert run_promote(world.process()) == 0
    assert summary(world) == ("", "1", [IMAGE_DIGEST])


@pytest.mark.parametrize("way", ["undo", "rollback"])
def test_a_return_to_the_image_by_hand_stays_after_an_upgrade_of_the_release(
    way: str, tmp_path: Path
) -> None:
    world = World()
    world.registry.retrained = {7}
    write_retrain_result(tmp_path, ref(7))
    assert run_promote(world.process()) == 0
    settle(world)
    if way == "undo":
        world.rollout_undo()
    else:
        assert run_rollback("image")(world.process()) == 0
    settle(world)
    write_retrain_result(tmp_path, ref(7), only_unset=True)
    assert run_promote(world.process()) == 0
    assert summary(world) == ("", "1", [IMAGE_DIGEST])
    assert world.blocked == [digest(7)]


# rollback by hand


def test_a_rollback_by_hand_restores_a_version_and_blocks_the_replaced_one_from_promotion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_serving(3)
    assert run_rollback("2", "--why", "version 3 is rude")(world.process()) == 0
    assert summary(world) == (ref(2), "2", [digest(2)])
    assert "version 3 is rude" in world.message("ModelRolledBack")
    assert world.blocked == [digest(3)]
    write_retrain_result(tmp_path, ref(3))
    assert run_promote(world.process()) == 0
    assert "was rolled back before" in capsys.readouterr().out
    assert run_rollback("3")(world.process()) == 0
    assert summary(world) == (ref(3), "3", [digest(3)])
    assert world.blocked == [digest(2)]
    assert run_rollback("image")(world.process()) == 0
    assert summary(world) == ("", "1", [IMAGE_DIGEST])


def test_a_model_set_by_hand_is_not_analysed() -> None:
    world = World({digest(2): Behaviour(failed=0.9)})
    process = world.process()
    assert run_rollback("2")(process) == 0
    assert summary(world) == (ref(2), "2", [digest(2)])


def test_a_rollback_by_hand_waits_until_a_rollout_has_released_the_lease() -> None:
    world = world_serving(3)
    settings = KubernetesSettings()
    rollout = KubernetesLease(Cluster(settings, world.process()), settings.promotion_lease, 6, 0)
    rollout.__enter__()
    world.clock.at(100, lambda: rollout.__exit__(None, None, None))
    assert run_rollback("2")(world.process()) == 0
    assert summary(world) == (ref(2), "2", [digest(2)])


def test_a_rollback_to_the_serving_model_changes_nothing() -> None:
    world = world_serving(3)
    version = world.version
    assert run_rollback("3")(world.process()) == 0
    assert (world.version, world.events) == (version, {})


@pytest.mark.parametrize(
    ("version", "why"),
    [("99", "99"), ("latest", "latest"), ("2@beef", "64 hexadecimal digits"), ("", "VERSION is empty")],
)
def test_an_invalid_version_is_reported_and_changes_nothing(
    version: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_serving(3)
    before = world.version
    process = world.process()
    assert run_rollback(version)(process) == 1
    message = capsys.readouterr().err
    assert why in message
    assert len(message.splitlines()) == 1
    assert world.version == before
    assert {call.server for call in process.calls} <= {"mlflow"}


def test_with_mlflow_unavailable_a_digest_is_enough_and_the_alias_follows_later(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = world_serving(3)
    process = world.process()

    def refuse(call: Call) -> None:
        if call.server == "mlflow":
            raise ErrorResponse(503)

    process.before.append(refuse)
    assert run_rollback(ref(5))(process) == 1
    assert "run this again when MLflow is available" in capsys.readouterr().err
    assert summary(world) == (ref(5), "3", [digest(5)])
    assert run_rollback()(world.process()) == 0
    assert summary(world) == (ref(5), "5", [digest(5)])


def test_a_failed_rollback_by_hand_keeps_the_serving_model_and_exits_with_1() -> None:
    world = world_serving(3)
    world.behaviours = {digest(4): Behaviour(ready=False)}
    assert run_rollback("4")(world.process()) == 1
    assert summary(world) == (ref(3), "3", [digest(3)])


def test_a_failed_rollback_by_hand_does_not_return_to_a_model_under_analysis(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = world_serving(3)
    world.behaviours = {digest(4): Behaviour(ready=False)}
    first = world.process()
    first.before.append(on_first(lambda call: world.state.get("phase") == "watching", first.kill))
    assert run_promote(first) == KILLED
    assert run_rollback("4")(world.process()) == 1
    assert summary(world) == (ref(3), "3", [digest(3)])
    assert run_promote(world.process()) == 0
    assert "was rolled back before" in capsys.readouterr().out


def test_a_malformed_state_annotation_is_reported_with_a_remedy_that_works(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = world_serving(3)
    world.api.patch("deployments", DEPLOYMENT, {"metadata": {"annotations": {STATE_ANNOTATION: "what?"}}})
    assert run_promote(world.process()) == 1
    assert f"{STATE_ANNOTATION}-" in capsys.readouterr().err
    world.api.patch("deployments", DEPLOYMENT, {"metadata": {"annotations": {STATE_ANNOTATION: None}}})
    assert run_rollback()(world.process()) == 0
    assert summary(world) == (ref(3), "3", [digest(3)])


def test_the_list_of_blocked_digests_is_bounded_and_most_recent_first(tmp_path: Path) -> None:
    world = World()
    old = " ".join(f"{number:064x}" for number in range(100, 120))
    world.api.patch(
        "deployments", DEPLOYMENT, {"metadata": {"annotations": {"support-chatbot/taken-back": old}}}
    )
    world.behaviours = {digest(2): Behaviour(serves=digest(9))}
    write_retrain_result(tmp_path, ref(2))
    assert run_promote(world.process()) == 0
    assert world.blocked == [digest(2), *old.split()[:19]]


def test_the_state_fits_into_an_annotation(tmp_path: Path) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = World()
    assert run_promote(world.process()) == 0
    assert len(json.dumps(world.annotations)) < 4096
