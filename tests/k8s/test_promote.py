"""A challenger takes over where its pods and metrics deserve it, and nothing else does; on a real cluster."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.k8s.kube_api import DEPLOYMENT, IMAGE_DIGEST, Api, Traffic, digest, ref
from tests.support.testbed import until

pytestmark = pytest.mark.integration


def champion(api: Api) -> str:
    client = MlflowClient(api.namespace.mlflow)
    return str(client.get_model_version_by_alias("support-chatbot", "champion").version)


def accepted(api: Api, challenger: str, judged_against: str = "", **more: Any) -> str:
    """What a retraining leaves for `k8s.promote`; the file's path."""
    file = api.namespace.folder / "retrain.json"
    content = {"outcome": "accepted", "champion": judged_against or None, "challenger": challenger, **more}
    file.write_text(json.dumps(content))
    return str(file)


def promote(api: Api, challenger: str, code: int = 0, **settings: object) -> str:
    return api.namespace.run(
        "promote", "k8s.promote", "--result", accepted(api, challenger), code=code, **settings
    )


def pushed(api: Api) -> str:
    with urllib.request.urlopen(f"{api.namespace.pushed}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def reasons(api: Api) -> set[str]:
    """Why a model was last taken back, as the metric has it."""
    found = re.findall(r'chatbot_promote_taken_back_reason\{.*reason="(\w+)"\} 1\n', pushed(api))
    return set(found)


def test_an_accepted_challenger_serves_and_becomes_champion(api: Api) -> None:
    api.make({})
    api.chat(300)
    with Traffic(api):
        output = promote(api, ref(2))
    assert api.told == ref(2)
    assert api.versions() == {digest(2)}
    assert champion(api) == "2"
    assert "too few" not in output, "300 messages of the new version were there to be watched"
    assert api.namespace.events()["ModelPromoted"] == (
        f"version 2 ({digest(2)[:12]}) serves and is champion, after the bundle inside the image"
    )
    assert (
        f'chatbot_told_model_info{{bundle="{digest(2)}",instance="",job="support-chatbot-promote",version="2"}} 1'
        in (pushed(api))
    )
    assert (
        'chatbot_retrain_outcome{instance="",job="support-chatbot-promote",outcome="accepted"} 1'
        in pushed(api)
    )


def test_a_challenger_that_does_not_become_ready_is_taken_back(api: Api) -> None:
    api.make({digest(3): {"exit": "the bundle 3333 is damaged: encoder.onnx"}}, replicas=1)
    output = promote(api, ref(3))
    assert (api.told, api.versions(), champion(api)) == ("", {IMAGE_DIGEST}, "1")
    why = api.namespace.events()["ModelTakenBack"]
    assert "the bundle 3333 is damaged: encoder.onnx" in why, why
    assert "says nothing of it" not in why, why
    assert 'outcome="taken_back"' in pushed(api)
    assert reasons(api) == {"not_ready"}
    assert "taken back" in output
    again = promote(api, ref(3))
    assert "was taken back before" in again
    assert api.told == ""


@pytest.mark.parametrize(
    ("behaviour", "what", "reason"),
    [
        ({"failed": 0.2}, "failed messages", "failed"),
        ({"seconds": 0.1}, "messages over 0.005 s", "slow"),
        ({"handoffs": 0.6}, "handoffs", "handoffs"),
    ],
)
def test_a_challenger_with_worse_metrics_is_taken_back(
    api: Api, behaviour: dict[str, Any], what: str, reason: str
) -> None:
    api.make({digest(4): behaviour}, replicas=1)
    api.chat(400)
    with Traffic(api):
        promote(api, ref(4), CHATBOT_K8S_WATCH_SECONDS=30)
    assert (api.told, api.versions(), champion(api)) == ("", {IMAGE_DIGEST}, "1")
    why = api.namespace.events()["ModelTakenBack"]
    assert what in why, why
    assert "with the version before" in why
    assert reasons(api) == {reason}


def test_a_challenger_that_users_find_less_helpful_is_taken_back(api: Api) -> None:
    api.make({}, replicas=1)
    api.chat(100)
    api.feedback(helpful=90, not_helpful=10)
    process = api.namespace.start(
        "promote", "k8s.promote", "--result", accepted(api, ref(5)), CHATBOT_K8S_WATCH_SECONDS=30
    )
    until("the watch", lambda: api.state.get("phase") == "watching")
    api.chat(100)
    api.feedback(helpful=30, not_helpful=70)
    process.communicate(timeout=90)
    assert (process.returncode, api.told, champion(api)) == (0, "", "1")
    assert "negative feedback: 70 of 100" in api.namespace.events()["ModelTakenBack"]


def test_pods_that_serve_another_bundle_than_told_are_taken_back(api: Api) -> None:
    api.make({digest(4): {"serves": digest(9)}}, replicas=1)
    promote(api, ref(4))
    assert (api.told, champion(api)) == ("", "1")
    assert f"serves the bundle {digest(9)[:12]}" in api.namespace.events()["ModelTakenBack"]
    assert reasons(api) == {"other_model"}


def test_with_too_few_messages_it_is_watched_longer_and_then_promoted_with_a_word_about_it(api: Api) -> None:
    api.make({digest(4): {"failed": 0.5}}, replicas=1)
    api.chat(20)
    output = promote(api, ref(2), CHATBOT_K8S_WATCH_SECONDS=1, CHATBOT_K8S_WATCH_MOST_SECONDS=4)
    assert "0 messages in 4 s, too few to tell" in output
    assert (api.told, champion(api)) == (ref(2), "2")


@pytest.mark.parametrize("phase", ["rolling", "watching", "naming", "taking-back"])
def test_killed_at_any_point_the_next_run_goes_on(api: Api, phase: str) -> None:
    bad = phase == "taking-back"
    slow = {"start": 5}
    api.make({digest(2): {"failed": 0.5}, IMAGE_DIGEST: slow} if bad else {digest(2): slow}, replicas=1)
    api.chat(200)
    settings: dict[str, object] = {
        "CHATBOT_K8S_WATCH_MOST_SECONDS": 30 if bad else 5,
        "CHATBOT_K8S_WATCH_SECONDS": 0 if phase == "rolling" else 5,
    }
    command = ("k8s.promote", "--result", accepted(api, ref(2)))
    process = api.namespace.start("promote", *command, **settings)
    if phase == "naming":  # MLflow goes away in the middle
        until("the watch", lambda: api.state.get("phase") == "watching")
        process.kill()
        process.wait()
        away = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "CHATBOT_K8S_PATIENCE_SECONDS": 60}
        process = api.namespace.start("promote", *command, **settings | away)
    if bad:
        until("the watch", lambda: api.state.get("phase") == "watching")
        api.chat(200)
    until(phase, lambda: api.state.get("phase") == phase)
    process.send_signal(signal.SIGKILL)
    process.wait()
    id_before = api.state["id"]
    output = promote(api, ref(2), **settings)
    if bad:
        assert "taken back before" in output
    assert api.state["id"] == id_before, "the next run went on with it, and did not begin anew"
    assert f"{phase} since" in output
    expected = ("", IMAGE_DIGEST, "1") if bad else (ref(2), digest(2), "2")
    assert (api.told, *api.versions(), champion(api)) == expected


def test_sigterm_gives_the_lease_back_and_keeps_the_state(api: Api) -> None:
    api.make({}, replicas=1)
    process = api.namespace.start(
        "promote", "k8s.promote", "--result", accepted(api, ref(2)), CHATBOT_K8S_WATCH_SECONDS=60
    )
    until("the watch", lambda: api.state.get("phase") == "watching")
    process.terminate()
    process.wait(20)
    assert process.returncode == 128 + signal.SIGTERM
    lease = api.namespace.get("lease", "support-chatbot-promote")
    assert lease["spec"]["holderIdentity"] == ""
    assert api.state["phase"] == "watching"


def test_what_was_judged_against_another_version_than_serves_is_not_promoted(api: Api) -> None:
    api.make({}, replicas=1)
    promote(api, ref(2), CHATBOT_K8S_WATCH_MOST_SECONDS=0)
    file = accepted(api, ref(3), judged_against=ref(1).replace(digest(1), IMAGE_DIGEST))
    output = api.namespace.run("promote", "k8s.promote", "--result", file)
    assert "the next run judges anew" in output
    assert (api.told, champion(api)) == (ref(2), "2")


def test_what_was_judged_against_another_bundle_than_the_images_is_not_promoted_either(api: Api) -> None:
    api.make({}, replicas=1)
    file = accepted(api, ref(3), judged_against=ref(2))
    output = api.namespace.run("promote", "k8s.promote", "--result", file)
    assert "the next run judges anew" in output
    assert (api.told, api.versions()) == ("", {IMAGE_DIGEST})


@pytest.mark.parametrize("outcome", ["refused", "needs_review", "busy"])
def test_what_the_gate_did_not_accept_changes_nothing(api: Api, outcome: str) -> None:
    api.make({}, replicas=1)
    generation = api.read()["metadata"]["generation"]
    file = accepted(api, ref(2), outcome=outcome)
    api.namespace.run("promote", "k8s.promote", "--result", file)
    assert (api.told, champion(api)) == ("", "1")
    assert api.read()["metadata"]["generation"] == generation
    assert f'outcome="{outcome}"}} 1' in pushed(api)


def test_after_a_rollout_undo_the_next_run_makes_the_rest_agree(api: Api) -> None:
    api.make({}, replicas=1)
    for number in (2, 3):
        promote(api, ref(number), CHATBOT_K8S_WATCH_MOST_SECONDS=0)
    assert champion(api) == "3"
    api.namespace.kubectl("rollout", "undo", f"deployment/{DEPLOYMENT}")
    api.namespace.kubectl("rollout", "status", f"deployment/{DEPLOYMENT}", "--timeout=60s")
    assert api.told == ref(2)
    output = promote(api, ref(3))
    assert "ChampionFollows" in output
    assert "was taken back before" in output, "what a person undid is not promoted again by itself"
    assert (api.told, api.versions(), champion(api)) == (ref(2), {digest(2)}, "2")
    assert f'bundle="{digest(2)}"' in pushed(api)


def test_a_rollout_undo_in_the_middle_of_the_watch_ends_the_promotion(api: Api) -> None:
    api.make({}, replicas=1)
    process = api.namespace.start(
        "promote", "k8s.promote", "--result", accepted(api, ref(2)), CHATBOT_K8S_WATCH_SECONDS=60
    )
    until("the watch", lambda: api.state.get("phase") == "watching")
    api.namespace.kubectl("rollout", "undo", f"deployment/{DEPLOYMENT}")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "ModelChangedByHand" in api.namespace.events()
    assert (api.told, champion(api)) == ("", "1")
    assert "was taken back before" in promote(api, ref(2))
