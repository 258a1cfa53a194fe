"""What a run promotes and what it leaves alone, what a person sets, and that alias and metric follow; in memory."""

from __future__ import annotations

import json
import re
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
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepare_environment(monkeypatch, tmp_path)
    write_retrain_result(tmp_path, "", outcome="refused")


def summary(world: World) -> tuple[str, str, list[str]]:
    settle(world)
    return world.desired_model, world.champion, world.served


def world_serving(number: int) -> World:
    """A world in which a version serves and is champion."""
    world = World()
    world.set_model(ref(number))
    world.registry.aliases["champion"] = str(number)
    settle(world)
    return world


def reasons(world: World) -> set[str]:
    samples = world.gateway.samples("chatbot_promote_taken_back_reason")
    return {labels["reason"] for labels, value in samples if value}


# what a run promotes


@pytest.mark.parametrize("outcome", ["refused", "needs_review", "busy"])
def test_what_the_gate_did_not_accept_changes_nothing(outcome: str, tmp_path: Path) -> None:
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
def test_a_challenger_is_promoted_only_over_what_it_was_judged_against(
    serving: int, compared: int, expected: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_retrain_result(tmp_path, ref(2), judged_against=f"1@{digest(compared)}")
    world = world_serving(serving) if serving else World()
    assert run_promote(world.process()) == 0
    assert summary(world) == (ref(expected) if expected else "", str(expected or 1), [digest(expected)])
    assert ("the next run judges anew" in capsys.readouterr().out) == (expected != 2)


def test_what_serves_already_is_not_begun_again(tmp_path: Path) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = world_serving(2)
    version = world.version
    assert run_promote(world.process()) == 0
    assert (world.version, world.events) == (version, {})


@pytest.mark.parametrize("content", [None, "{}", '{"outcome": "who knows"}'])
def test_a_result_that_is_none_is_named_in_one_line(
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


def test_what_was_left_half_done_is_ended_even_without_a_result(tmp_path: Path) -> None:
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
        (Behaviour(serves=digest(9)), "other_model", f"serves the bundle {digest(9)[:12]} and was told"),
        (Behaviour(exit="encoder.onnx is damaged"), "not_ready", "exit code 3, encoder.onnx is damaged"),
        (Behaviour(ready=False), "not_ready", "running, not ready"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_model_is_taken_back_for_is_said_and_it_is_not_promoted_again(
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
    assert "was taken back before: no run promotes it again by itself" in capsys.readouterr().out
    assert world.version == version
    world.behaviours = {}
    assert run_rollback("2")(world.process()) == 0
    assert summary(world) == (ref(2), "2", [digest(2)] * 2)
    assert digest(2) not in world.blocked, "a person may"


def test_a_rollout_that_takes_longer_than_its_time_is_taken_back_whatever_the_controller_thinks(
    tmp_path: Path,
) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = World({digest(2): Behaviour(ready=False)})
    world.api.patch("deployments", DEPLOYMENT, {"spec": {"progressDeadlineSeconds": 6000}})
    assert run_promote(world.process()) == 0
    assert summary(world) == ("", "1", [IMAGE_DIGEST])
    assert "not ready within 60 s: " in world.message("ModelTakenBack")


def test_with_too_few_messages_it_is_watched_as_long_as_can_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = World(rate=0)
    assert run_promote(world.process()) == 0
    assert ": 0 messages in 5 s, too few to tell" in capsys.readouterr().out
    assert (world.desired_model, world.champion) == (ref(2), "2")


def test_a_previous_model_that_does_not_become_ready_either_is_said_and_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = world_serving(3)
    world.behaviours = {digest(2): Behaviour(failed=0.9), digest(3): Behaviour(ready=False)}
    assert run_promote(world.process()) == 1
    assert "does not become ready either" in capsys.readouterr().err
    assert world.state["phase"] == "taking-back"
    assert world.events["ModelNotReady"] == 1
    world.behaviours = {}
    for pod in world.api.list("pods"):
        world.make_ready(pod["metadata"]["name"])
    settle(world)
    assert run_promote(world.process()) == 0
    assert (world.desired_model, world.state["outcome"]) == (ref(3), "taken_back")


def test_pods_that_are_not_ready_at_the_end_of_the_watch_take_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_retrain_result(tmp_path, ref(2))
    monkeypatch.setenv("CHATBOT_K8S_WATCH_SECONDS", "100")
    monkeypatch.setenv("CHATBOT_K8S_WATCH_MOST_SECONDS", "100")
    world = World()
    process = world.process()
    process.before.append(on_first(lambda call: world.state.get("phase") == "watching", world.make_unready))
    assert run_promote(process) == 0
    assert summary(world) == ("", "1", [IMAGE_DIGEST])
    assert reasons(world) == {"not_ready"}
    assert "its pods do not stay ready: " in world.message("ModelTakenBack")


# alias and metric follow


def test_an_alias_that_somebody_moved_comes_back_to_what_serves() -> None:
    world = world_serving(3)
    world.registry.aliases["champion"] = "4"
    assert run_promote(world.process()) == 0
    assert summary(world) == (ref(3), "3", [digest(3)])
    assert world.blocked == [digest(4)], "what was champion and does not serve is not promoted by itself"
    assert "the alias moved from version 4 to 3" in world.message("ChampionFollows")
    assert run_promote(world.process()) == 0
    assert world.registry.moves == ["3"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_the_alias_follows_the_next_run_lets_it_follow(when: str) -> None:
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


def test_who_has_lost_the_lease_lets_no_alias_follow(capsys: pytest.CaptureFixture[str]) -> None:
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


def test_after_an_undo_what_was_undone_is_not_promoted_again(
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
    assert "was taken back before" in capsys.readouterr().out
    ((labels, _),) = world.gateway.samples("chatbot_told_model_info")
    assert labels["bundle"] == digest(2)


def test_after_an_undo_a_person_lets_the_rest_agree_by_a_rollback_without_a_version(tmp_path: Path) -> None:
    world = World()
    for number in (2, 3):
        write_retrain_result(tmp_path, ref(number))
        assert run_promote(world.process()) == 0
        settle(world)
    world.rollout_undo()
    settle(world)
    assert run_rollback()(world.process()) == 0
    assert summary(world) == (ref(2), "2", [digest(2)])


def test_of_a_bundle_that_was_registered_twice_the_latest_version_is_champion() -> None:
    """On the registry's third page of versions."""
    world = World()
    world.registry.digests[8] = IMAGE_DIGEST
    world.registry.aliases["champion"] = "4"
    assert run_promote(world.process()) == 0
    assert world.champion == "8"


def test_pods_of_two_images_name_no_champion() -> None:
    world = World(replicas=2)
    world.registry.aliases["champion"] = "4"
    serving = iter([digest(5), digest(6)])
    for pod in world.pods.values():
        pod.model = f"x@{next(serving)}"
    assert run_promote(world.process()) == 0
    assert world.champion == "4"


def test_what_the_registry_does_not_know_serves_and_the_alias_stays() -> None:
    world = world_serving(3)
    world.registry.digests.pop(3)
    assert run_promote(world.process()) == 0
    assert (world.desired_model, world.registry.moves) == (ref(3), [])
    assert "the registry does not know it" in world.message("ModelNotRegistered")


def test_a_version_whose_bundle_is_another_than_what_serves_is_not_named() -> None:
    world = world_serving(3)
    world.registry.digests[3] = digest(7)
    world.registry.digests[6] = digest(3)
    world.registry.aliases["champion"] = "4"
    assert run_promote(world.process()) == 0
    assert world.champion == "6"


# what a person sets


def test_an_earlier_version_comes_back_by_its_number_and_the_one_before_does_not_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_serving(3)
    assert run_rollback("2", "--why", "version 3 is rude")(world.process()) == 0
    assert summary(world) == (ref(2), "2", [digest(2)])
    assert "version 3 is rude" in world.message("ModelRolledBack")
    assert world.blocked == [digest(3)]
    write_retrain_result(tmp_path, ref(3))
    assert run_promote(world.process()) == 0
    assert "was taken back before" in capsys.readouterr().out
    assert run_rollback("3")(world.process()) == 0
    assert summary(world) == (ref(3), "3", [digest(3)])
    assert world.blocked == [digest(2)]
    assert run_rollback("image")(world.process()) == 0
    assert summary(world) == ("", "1", [IMAGE_DIGEST])


def test_what_a_person_sets_is_not_watched() -> None:
    world = World({digest(2): Behaviour(failed=0.9)})
    process = world.process()
    assert run_rollback("2")(process) == 0
    assert summary(world) == (ref(2), "2", [digest(2)])


def test_what_should_serve_already_is_not_set_again() -> None:
    world = world_serving(3)
    version = world.version
    assert run_rollback("3")(world.process()) == 0
    assert (world.version, world.events) == (version, {})


@pytest.mark.parametrize(
    ("version", "why"), [("99", "99"), ("latest", "latest"), ("2@beef", "64 hexadecimal digits"), ("", "")]
)
def test_what_is_no_version_changes_nothing_and_says_so(
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


def test_with_mlflow_away_a_digest_is_enough_and_the_alias_follows_later(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = world_serving(3)
    process = world.process()

    def refuse(call: Call) -> None:
        if call.server == "mlflow":
            raise ErrorResponse(503)

    process.before.append(refuse)
    assert run_rollback(ref(5))(process) == 1
    assert "run this again when MLflow is back" in capsys.readouterr().err
    assert summary(world) == (ref(5), "3", [digest(5)])
    assert run_rollback()(world.process()) == 0
    assert summary(world) == (ref(5), "5", [digest(5)])


def test_a_rollback_that_fails_leaves_what_serves_and_says_so_by_its_exit_code() -> None:
    world = world_serving(3)
    world.behaviours = {digest(4): Behaviour(ready=False)}
    assert run_rollback("4")(world.process()) == 1
    assert summary(world) == (ref(3), "3", [digest(3)])


def test_a_rollback_that_fails_does_not_leave_what_was_still_on_trial(
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
    assert "was taken back before" in capsys.readouterr().out


def test_a_state_that_somebody_broke_is_named_with_the_remedy_and_the_remedy_works(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = world_serving(3)
    world.api.patch("deployments", DEPLOYMENT, {"metadata": {"annotations": {STATE_ANNOTATION: "what?"}}})
    assert run_promote(world.process()) == 1
    assert f"{STATE_ANNOTATION}-" in capsys.readouterr().err
    world.api.patch("deployments", DEPLOYMENT, {"metadata": {"annotations": {STATE_ANNOTATION: None}}})
    assert run_rollback()(world.process()) == 0
    assert summary(world) == (ref(3), "3", [digest(3)])


def test_at_most_so_many_digests_are_remembered_as_taken_back_the_latest_first(tmp_path: Path) -> None:
    world = World()
    old = " ".join(f"{number:064x}" for number in range(100, 120))
    world.api.patch(
        "deployments", DEPLOYMENT, {"metadata": {"annotations": {"support-chatbot/taken-back": old}}}
    )
    world.behaviours = {digest(2): Behaviour(serves=digest(9))}
    write_retrain_result(tmp_path, ref(2))
    assert run_promote(world.process()) == 0
    assert world.blocked == [digest(2), *old.split()[:19]]


def test_the_state_stays_small_enough_for_an_annotation(tmp_path: Path) -> None:
    write_retrain_result(tmp_path, ref(2))
    world = World()
    assert run_promote(world.process()) == 0
    assert len(json.dumps(world.annotations)) < 4096
