"""A rollback by hand at any time, and the reconciliation after it; on a real cluster."""

from __future__ import annotations

import pytest

from tests.k8s.kube_api import IMAGE_DIGEST, Api, digest, ref
from tests.k8s.test_promote import champion, promote, pushgateway_metrics, write_retrain_result
from tests.support.testbed import until

pytestmark = pytest.mark.integration
QUICK = {"CHATBOT_K8S_WATCH_SECONDS": 0, "CHATBOT_K8S_WATCH_MAX_SECONDS": 0}


def rollback(api: Api, *arguments: str, code: int = 0, **settings: object) -> str:
    return api.namespace.run("promote", "k8s.rollback", *arguments, code=code, **settings)


def test_an_earlier_version_is_restored_by_its_number_and_becomes_champion(api: Api) -> None:
    api.make({}, replicas=1)
    for number in (2, 3):
        promote(api, ref(number), **QUICK)
    output = rollback(api, "2", "--why", "version 3 is rude")
    assert "version 3 is rude" in output
    assert (api.desired_model, api.versions(), champion(api)) == (ref(2), {digest(2)}, "2")
    assert "version 3 is rude" in api.namespace.events()["ModelRolledBack"]
    assert f'bundle="{digest(2)}"' in pushgateway_metrics(api)
    assert "was rolled back before" in promote(api, ref(3)), "no run undoes what a person did"
    rollback(api, "3")
    assert (api.desired_model, champion(api)) == (ref(3), "3"), "and a person can"
    rollback(api, "image")
    assert (api.desired_model, api.versions(), champion(api)) == ("", {IMAGE_DIGEST}, "1")


def test_a_rollback_during_a_rollout_supersedes_it_at_once(api: Api) -> None:
    api.make({}, replicas=1)
    promote(api, ref(2), **QUICK)
    process = api.namespace.start(
        "promote", "k8s.promote", "--result", write_retrain_result(api, ref(3)), CHATBOT_K8S_WATCH_SECONDS=120
    )
    until("the watch", lambda: api.state.get("phase") == "watching")
    rollback(api, "2")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "the rollout of the latter is abandoned" in output
    assert (api.desired_model, api.versions(), champion(api)) == (ref(2), {digest(2)}, "2")


def test_a_missing_permission_is_named(api: Api) -> None:
    api.make({}, replicas=1)
    output = api.namespace.run("trigger", "k8s.rollback", "2", code=1)
    assert 'cannot get resource "deployments"' in output
    assert "docs/operations/kubernetes.md" in output
