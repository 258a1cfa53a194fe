"""A red drift verdict creates one retrain Job, and the same drift no second one; on a real cluster."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.k8s.kube_testbed import IMAGE, Namespace
from tests.support.drift_verdict import drift_verdict
from tests.support.testbed import until

pytestmark = pytest.mark.integration
CRONJOB = "support-chatbot-retrain"
DIGEST = "a" * 64


def make_cronjob(namespace: Namespace, command: str = "exit 0") -> None:
    """Create the suspended CronJob of the chart, with a short command as its work."""
    container = {
        "name": "retrain",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", command],
        "resources": {"requests": {"cpu": "10m"}},
    }
    pod = {"restartPolicy": "Never", "containers": [container], "automountServiceAccountToken": False}
    template = {
        "metadata": {"labels": {"app.kubernetes.io/name": "retrain"}, "annotations": {"of": "the template"}},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}},
    }
    spec = {"suspend": True, "schedule": "0 0 1 1 *", "jobTemplate": template}
    cronjob = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": CRONJOB}, "spec": spec}
    namespace.apply(cronjob)


def write_verdict(folder: Path, colour: str = "red", *red: str) -> str:
    """Write a drift.json; return its path."""
    file = folder / "drift.json"
    file.write_text(json.dumps(drift_verdict("1", DIGEST, red or ("scope.low",), colour)))
    return str(file)


def accept(namespace: Namespace, item: str) -> None:
    """Record that a reviewer accepts a message."""
    reviews = namespace.folder / "store" / "reviews"
    reviews.mkdir(parents=True, exist_ok=True)
    decision = {"item_id": item, "message": f"message {item}", "verdict": "accept", "intent": "get_refund"}
    (reviews / f"{item}.json").write_text(json.dumps(decision))


def jobs(namespace: Namespace) -> list[dict[str, Any]]:
    return list(namespace.get("jobs")["items"])


def jobs_ended(namespace: Namespace, kind: str = "Complete") -> bool:
    return all(
        any(c["type"] == kind and c["status"] == "True" for c in job["status"].get("conditions", []))
        for job in jobs(namespace)
    )


def trigger(namespace: Namespace, file: str, code: int = 0, **settings: object) -> str:
    return namespace.run("trigger", "k8s.trigger", "--verdict", file, code=code, **settings)


def test_a_red_verdict_creates_the_job_that_kubectl_would_create(
    namespace: Namespace, tmp_path: Path
) -> None:
    make_cronjob(namespace)
    file = write_verdict(tmp_path, "red", "scope.low", "intents")
    assert "drift: intents, scope.low" in trigger(namespace, file)
    (made,) = jobs(namespace)
    name = made["metadata"]["name"]
    manual = json.loads(
        namespace.kubectl(
            "create", "job", "by-hand", f"--from=cronjob/{CRONJOB}", "--dry-run=server", "-o=json"
        )
    )
    because = made["metadata"]["annotations"].pop("support-chatbot/asked-because")
    assert because.startswith("drift: intents, scope.low (")
    for job in (made, manual):
        for own in ("name", "uid", "creationTimestamp", "resourceVersion", "managedFields", "generation"):
            job["metadata"].pop(own, None)
    text = json.dumps([made["metadata"], made["spec"]], sort_keys=True).replace(name, "by-hand")
    expected = json.dumps([manual["metadata"], manual["spec"]], sort_keys=True)
    assert _without_uid(text) == _without_uid(expected)
    until("the Job's end", lambda: jobs_ended(namespace))


def _without_uid(text: str) -> str:
    """Remove the Job's own uid, which its selector and labels contain."""
    return re.sub(r'("(?:batch.kubernetes.io/)?controller-uid": )"[^"]*"', r"\1", text)


def test_the_same_drift_creates_no_second_job_unless_rows_were_accepted(
    namespace: Namespace, tmp_path: Path
) -> None:
    make_cronjob(namespace)
    no_cooldown = {"CHATBOT_LOOP_COOLDOWN_HOURS": 0}
    trigger(namespace, write_verdict(tmp_path), **no_cooldown)
    until("the Job's end", lambda: jobs_ended(namespace))
    assert "was answered" in trigger(namespace, write_verdict(tmp_path), **no_cooldown)
    assert len(jobs(namespace)) == 1
    accept(namespace, "01")
    trigger(namespace, write_verdict(tmp_path), **no_cooldown)
    assert len(jobs(namespace)) == 2
    until("the Job's end", lambda: jobs_ended(namespace))
    trigger(namespace, write_verdict(tmp_path, "red", "another.check"), **no_cooldown)
    assert len(jobs(namespace)) == 3


def test_concurrent_triggers_create_one_job(namespace: Namespace, tmp_path: Path) -> None:
    make_cronjob(namespace, "sleep 20")
    file = write_verdict(tmp_path)
    both = [namespace.start("trigger", "k8s.trigger", "--verdict", file) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert len(jobs(namespace)) == 1


def test_a_failed_retraining_is_requested_again(namespace: Namespace, tmp_path: Path) -> None:
    make_cronjob(namespace, "exit 1")
    no_cooldown = {"CHATBOT_LOOP_COOLDOWN_HOURS": 0}
    trigger(namespace, write_verdict(tmp_path), **no_cooldown)
    until("the Job's end", lambda: jobs_ended(namespace, "Failed"))
    trigger(namespace, write_verdict(tmp_path), **no_cooldown)
    assert len(jobs(namespace)) == 2


def test_an_error_is_reported_in_one_line(namespace: Namespace, tmp_path: Path) -> None:
    file = write_verdict(tmp_path)
    assert 'cronjobs.batch "support-chatbot-retrain" not found' in trigger(namespace, file, code=1)
    output = namespace.run("promote", "k8s.trigger", "--verdict", file, code=1)
    assert "docs/operations/kubernetes.md" in output
    missing = trigger(namespace, str(tmp_path / "none.json"), code=1)
    assert "python -m monitoring.drift_report" in missing
    assert all("Traceback" not in text for text in (output, missing))
