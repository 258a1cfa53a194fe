"""Only a challenger with ready pods and good metrics is promoted; on a real cluster."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from typing import Any

import pytest

from tests.k8s.kube_api import DEPLOYMENT, IMAGE_DIGEST, Api, Traffic, digest, ref
from tests.support.testbed import until

pytestmark = pytest.mark.integration


def champion(api: Api) -> str:
    from mlflow import MlflowClient  # takes seconds, and `make check` needs it for nothing here

    client = MlflowClient(api.namespace.mlflow)
    return str(client.get_model_version_by_alias("support-chatbot", "champion").version)


def write_retrain_result(api: Api, challenger: str, judged_against: str = "", **more: Any) -> str:
    """Write retrain.json as a retraining does; return its path."""
    file = api.namespace.folder / "retrain.json"
    content = {"outcome": "accepted", "champion": judged_against or None, "challenger": challenger, **more}
    file.write_text(json.dumps(content))
    return str(file)


def promote(api: Api, challenger: str, code: int = 0, **settings: object) -> str:
    return api.namespace.run(
        "promote", "k8s.promote", "--result", write_retrain_result(api, challenger), code=code, **settings
    )


def pushgateway_metrics(api: Api) -> str:
    with urllib.request.urlopen(f"{api.namespace.pushgateway}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def reasons(api: Api) -> set[str]:
    """Return the reasons of the last automatic rollback, from the metric."""
    found = re.findall(r'chatbot_rollback_reason\{.*reason="(\w+)"\} 1\n', pushgateway_metrics(api))
    return set(found)


def test_an_accepted_challenger_serves_and_becomes_champion(api: Api) -> None:
    api.make({})
    api.chat(300)
    with Traffic(api):
        output = promote(api, ref(2))
    assert api.desired_model == ref(2)
    assert api.versions() == {digest(2)}
    assert champion(api) == "2"
    assert "too few" not in output, "300 messages of the new version were there to be watched"
    assert api.namespace.events()["ModelPromoted"] == (
        f"version 2 ({digest(2)[:12]}) serves and is champion, after the bundle inside the image"
    )
    assert (
        f'chatbot_desired_model_info{{bundle="{digest(2)}",instance="",job="support-chatbot-promote",version="2"}} 1'
        in (pushgateway_metrics(api))
    )
    assert (
        'chatbot_retrain_outcome{instance="",job="support-chatbot-promote",outcome="accepted"} 1'
        in pushgateway_metrics(api)
    )


def test_a_challenger_that_does_not_become_ready_is_rolled_back(api: Api) -> None:
    api.make({digest(3): {"exit": "the bundle 3333 is damaged: encoder.onnx"}}, replicas=1)
    output = promote(api, ref(3))
    assert (api.desired_model, api.versions(), champion(api)) == ("", {IMAGE_DIGEST}, "1")
    why = api.namespace.events()["ModelTakenBack"]
    assert "the bundle 3333 is damaged: encoder.onnx" in why, why
    assert "says nothing of it" not in why, why
    assert 'outcome="taken_back"' in pushgateway_metrics(api)
    assert reasons(api) == {"not_ready"}
    assert "rolled back" in output
    again = promote(api, ref(3))
    assert "was rolled back before" in again
    assert api.desired_model == ""


def test_a_challenger_with_worse_metrics_is_rolled_back(api: Api) -> None:
    """All measures are tested in tests/k8s/test_promote_and_reconcile.py."""
    api.make({digest(4): {"failed": 0.2}}, replicas=1)
    api.chat(400)
    with Traffic(api):
        promote(api, ref(4), CHATBOT_K8S_WATCH_SECONDS=30)
    assert (api.desired_model, api.versions(), champion(api)) == ("", {IMAGE_DIGEST}, "1")
    why = api.namespace.events()["ModelTakenBack"]
    assert "failed messages" in why, why
    assert "with the version before" in why
    assert reasons(api) == {"failed"}


@pytest.mark.parametrize("phase", ["rolling", "taking-back"])
def test_a_rollout_killed_while_the_controller_works_is_resumed_by_the_next_run(api: Api, phase: str) -> None:
    """All other points are tested in tests/k8s/test_rollout_interrupted.py."""
    bad = phase == "taking-back"
    slow = {"start": 5}
    api.make({digest(2): {"failed": 0.5}, IMAGE_DIGEST: slow} if bad else {digest(2): slow}, replicas=1)
    api.chat(200)
    settings: dict[str, object] = {
        "CHATBOT_K8S_WATCH_MAX_SECONDS": 30 if bad else 5,
        "CHATBOT_K8S_WATCH_SECONDS": 5 if bad else 0,
    }
    command = ("k8s.promote", "--result", write_retrain_result(api, ref(2)))
    process = api.namespace.start("promote", *command, **settings)
    if bad:
        until("the watch", lambda: api.state.get("phase") == "watching")
        api.chat(200)
    until(phase, lambda: api.state.get("phase") == phase)
    process.send_signal(signal.SIGKILL)
    process.wait()
    id_before = api.state["id"]
    output = promote(api, ref(2), **settings)
    if bad:
        assert "rolled back before" in output
    assert api.state["id"] == id_before, "the next run went on with it, and did not begin anew"
    assert f"{phase} since" in output
    expected = ("", IMAGE_DIGEST, "1") if bad else (ref(2), digest(2), "2")
    assert (api.desired_model, *api.versions(), champion(api)) == expected


def test_sigterm_releases_the_lease_and_keeps_the_state(api: Api) -> None:
    api.make({}, replicas=1)
    process = api.namespace.start(
        "promote", "k8s.promote", "--result", write_retrain_result(api, ref(2)), CHATBOT_K8S_WATCH_SECONDS=60
    )
    until("the watch", lambda: api.state.get("phase") == "watching")
    process.terminate()
    process.wait(20)
    assert process.returncode == 128 + signal.SIGTERM
    lease = api.namespace.get("lease", "support-chatbot-promote")
    assert lease["spec"]["holderIdentity"] == ""
    assert api.state["phase"] == "watching"


def test_after_a_rollout_undo_the_next_run_reconciles(api: Api) -> None:
    api.make({}, replicas=1)
    for number in (2, 3):
        promote(api, ref(number), CHATBOT_K8S_WATCH_MAX_SECONDS=0)
    assert champion(api) == "3"
    api.namespace.kubectl("rollout", "undo", f"deployment/{DEPLOYMENT}")
    api.namespace.kubectl("rollout", "status", f"deployment/{DEPLOYMENT}", "--timeout=60s")
    assert api.desired_model == ref(2)
    output = promote(api, ref(3))
    assert "ChampionFollows" in output
    assert "was rolled back before" in output, "what a person undid is not promoted again by itself"
    assert (api.desired_model, api.versions(), champion(api)) == (ref(2), {digest(2)}, "2")
    assert f'bundle="{digest(2)}"' in pushgateway_metrics(api)


def test_a_rollout_undo_during_the_analysis_supersedes_the_rollout(api: Api) -> None:
    api.make({}, replicas=1)
    process = api.namespace.start(
        "promote", "k8s.promote", "--result", write_retrain_result(api, ref(2)), CHATBOT_K8S_WATCH_SECONDS=60
    )
    until("the watch", lambda: api.state.get("phase") == "watching")
    api.namespace.kubectl("rollout", "undo", f"deployment/{DEPLOYMENT}")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "ModelChangedByHand" in api.namespace.events()
    assert (api.desired_model, champion(api)) == ("", "1")
    assert "was rolled back before" in promote(api, ref(2))
