"""What the chart's accounts may do, asked of a real API server: what they need, and no more."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.cluster import kubectl
from tests.chart.conftest import parsed
from tools.generate import chart

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

Json = dict[str, Any]
RELEASE = "acc"

MAY = {
    "drift": {
        ("cronjobs.batch", "acc-retrain", "get"),
        ("jobs.batch", "", "create list"),
        ("leases.coordination.k8s.io", "acc-trigger", "get update"),
    },
    "retrain": {
        ("deployments.apps", "acc-api", "get watch patch"),
        ("replicasets.apps", "", "list"),
        ("pods", "", "list"),
        ("events", "", "create"),
        ("leases.coordination.k8s.io", "acc-promote", "get update"),
    },
    "bootstrap": {("secrets", "", "create")}
    | {
        ("secrets", f"acc-{name}", "get patch")
        for name in ("api", "staff", "minio-root", *(f"store-{c}" for c in
                     ("api", "drift", "upkeep", "retrain", "staff", "mlflow")))
    },
    "api": set(),
    "page": set(),
    "staff": set(),
    "mlflow": set(),
    "minio": set(),
    "upkeep": set(),
    "pushgateway": set(),
}  # fmt: skip
MAY["bootstrap"] |= MAY["retrain"]
"""Beyond what an account without any right may. The bootstrap sets a model where none was set."""


API: Json = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": f"{RELEASE}-api"},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "api"}},
        "template": {
            "metadata": {
                "labels": {"app": "api"},
                "annotations": {"kept": "a", "support-chatbot/model-version": "1@a"},
            },
            "spec": {"containers": [{"name": "api", "image": "api:1"}]},
        },
    },
}
OTHER_IMAGE: Json = {
    "template": {"spec": {"containers": [{"name": "api", "image": "docker.io/library/busybox:1"}]}}
}


@pytest.fixture(scope="module")
def accounts(namespace: str) -> Iterator[str]:
    """Accounts, roles, the retrain CronJob and the admission policy; no pod. The namespace."""
    # The API server omits an empty value, and the policies compare what it has.
    values = (
        "--set=corpus.configMap=mine,corpus.path=messages.csv",
        "--set-string=api.slots.support_phone=",
        '--set-json=retrain.pod.extraEnv=[{"name":"HTTPS_PROXY"}]',
    )
    rendered = chart.render(
        "--kube-version", chart.KUBERNETES, "--skip-tests", *values, release=RELEASE, namespace=namespace
    )
    wanted = {"ServiceAccount", "Role", "RoleBinding", "CronJob", "ValidatingAdmissionPolicy",
              "ValidatingAdmissionPolicyBinding"}  # fmt: skip
    parts = [part for part in parsed(rendered) if part["kind"] in wanted]
    for part in parts:
        if part["kind"] == "CronJob":
            part["spec"]["suspend"] = True
    kubectl("apply", "--server-side", "-n", namespace, "-f", "-", stdin=yaml.safe_dump_all(parts))
    kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(API))
    _wait_for_policy(namespace)
    yield namespace
    for part in parts:
        if part["kind"].startswith("Validating"):
            kubectl("delete", part["kind"], part["metadata"]["name"], check=False)


def _wait_for_policy(namespace: str) -> None:
    """The API server applies a policy seconds after its creation, and refuses more until then."""
    good, bad = job_of(namespace, "good"), job_of(namespace, "bad")
    bad["spec"]["template"]["spec"]["containers"][0]["image"] = "docker.io/library/busybox:1"
    until = time.monotonic() + 60
    while (
        create(good) or "unlike the retrain CronJob" not in create(bad) or not patch(namespace, OTHER_IMAGE)
    ):
        assert time.monotonic() < until, (create(good), create(bad))
        time.sleep(0.5)


def may(namespace: str, account: str) -> set[tuple[str, str, str]]:
    """Resource, name and verbs of all that an account may do, as the API server says."""
    user = f"system:serviceaccount:{namespace}:{account}"
    lines = kubectl(
        "auth", "can-i", "--list", "--no-headers", f"--as={user}", "-n", namespace
    ).stdout.splitlines()
    found = set()
    for line in lines:
        resource, _, rest = line.partition(" ")
        brackets = [part.split("]")[0] for part in rest.split("[")[1:]]
        for name in brackets[1].split() or [""]:
            found.add((resource, name, " ".join(brackets[2].split())))
    return found


@pytest.mark.parametrize("account", sorted(MAY))
def test_an_account_may_do_what_it_needs_and_no_more(accounts: str, account: str) -> None:
    assert may(accounts, f"{RELEASE}-{account}") - may(accounts, "nobody") == MAY[account]


def job_of(namespace: str, name: str) -> Json:
    """A Job as k8s.trigger makes it of the template."""
    cron = json.loads(kubectl("get", "cronjob", f"{RELEASE}-retrain", "-n", namespace, "-o", "json").stdout)
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": cron["metadata"]["name"],
        "uid": cron["metadata"]["uid"],
    }
    template = cron["spec"]["jobTemplate"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [owner]},
        "spec": template["spec"] | {"suspend": True},
    }


def create(job: Json, account: str = "drift") -> str:
    """What the API server says to this account's Job; empty: it took it."""
    namespace = job["metadata"]["namespace"]
    user = f"system:serviceaccount:{namespace}:{RELEASE}-{account}"
    answer = kubectl(
        "create", "--dry-run=server", f"--as={user}", "-f", "-", stdin=json.dumps(job), check=False
    )
    return answer.stderr if answer.returncode else ""


def test_the_drift_checks_account_may_create_the_templates_job(accounts: str) -> None:
    assert create(job_of(accounts, "as-it-is")) == ""


@pytest.mark.parametrize(
    "change",
    [
        "image",
        "account",
        "command",
        "setting",
        "secret",
        "volume",
        "projected",
        "owner",
        "probe",
        "folder",
        "host alias",
        "name server",
        "network of the node",
        "label",
        "token in the other container",
        "token in all containers",
        "folder in place of the code",
        "more pods",
        "more containers",
    ],
)
def test_a_job_unlike_the_template_is_refused(accounts: str, change: str) -> None:
    job = job_of(accounts, "unlike")
    pod = job["spec"]["template"]["spec"]
    match change:
        case "image":
            pod["containers"][0]["image"] = "docker.io/library/busybox:1"
        case "account":
            pod["serviceAccountName"] = f"{RELEASE}-bootstrap"
        case "command":
            pod["initContainers"][0]["command"] = ["sh", "-c", "env"]
        case "setting":
            pod["containers"][0]["env"].append({"name": "PYTHONSTARTUP", "value": "/work/x"})
        case "secret":
            ref = {"secretKeyRef": {"name": f"{RELEASE}-minio-root", "key": "MINIO_ROOT_PASSWORD"}}
            pod["initContainers"][0]["env"].append({"name": "AWS_SECRET_ACCESS_KEY", "valueFrom": ref})
        case "projected":
            source = {"secret": {"name": f"{RELEASE}-minio-root"}}
            pod["volumes"].append({"name": "more", "projected": {"sources": [source]}})
        case "volume":
            pod["volumes"].append({"name": "more", "secret": {"secretName": f"{RELEASE}-minio-root"}})
        case "probe":
            pod["containers"][0]["startupProbe"] = {"exec": {"command": ["sh", "-c", "env"]}}
        case "folder":
            pod["initContainers"][0]["workingDir"] = "/work"
        case "host alias":
            pod["hostAliases"] = [{"ip": "192.0.2.1", "hostnames": [f"{RELEASE}-mlflow"]}]
        case "name server":
            pod |= {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.1"]}}
        case "network of the node":
            pod["hostNetwork"] = True
        case "label":
            job["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] = "api"
        case "token in the other container":
            pod["initContainers"][0]["volumeMounts"].append({"name": "account", "mountPath": "/account"})
        case "token in all containers":
            pod["automountServiceAccountToken"] = True
        case "folder in place of the code":
            pod["containers"][0]["volumeMounts"][0]["mountPath"] = "/app"
        case "more pods":
            job["spec"] |= {"parallelism": 100, "completions": 100}
        case "owner":
            del job["metadata"]["ownerReferences"]
        case _:
            pod["containers"].append(pod["containers"][0] | {"name": "second"})
    said = create(job)
    assert "ValidatingAdmissionPolicy" in said, said
    assert "retrain CronJob" in said


def patch(namespace: str, spec: Json, account: str = "retrain", metadata: Json | None = None) -> str:
    """What the API server says to this account's change of the bot's Deployment; empty: it took it."""
    user = f"system:serviceaccount:{namespace}:{RELEASE}-{account}"
    answer = kubectl(
        "patch", "deployment", f"{RELEASE}-api", "-n", namespace, "--dry-run=server", "--type=merge",
        f"--as={user}", "-p",
        json.dumps({"metadata": {"annotations": {"state": "x"}} | (metadata or {}), "spec": spec}),
        check=False,
    )  # fmt: skip
    return answer.stderr if answer.returncode else ""


@pytest.mark.parametrize("account", ["retrain", "bootstrap"])
@pytest.mark.parametrize("model", ["2@b", None])
def test_an_account_that_rolls_out_may_name_the_model(accounts: str, model: str | None, account: str) -> None:
    annotations = {"support-chatbot/model-version": model}
    assert patch(accounts, {"template": {"metadata": {"annotations": annotations}}}, account) == ""
    assert patch(accounts, {}, account) == ""


@pytest.mark.parametrize("account", ["retrain", "bootstrap"])
@pytest.mark.parametrize(
    "spec",
    [
        OTHER_IMAGE,
        {"template": {"spec": {"hostNetwork": True}}},
        {"template": {"metadata": {"labels": {"more": "x"}}}},
        {"template": {"metadata": {"annotations": {"more": "x"}}}},
        {"template": {"metadata": {"annotations": {"kept": "b"}}}},
        {"template": {"metadata": {"annotations": {"kept": None}}}},
        {"replicas": 100},
        {"paused": True},
        {"strategy": {"type": "Recreate", "rollingUpdate": None}},
        {"strategy": {"rollingUpdate": {"maxUnavailable": "100%"}}},
        {"minReadySeconds": 300},
        {"progressDeadlineSeconds": 1},
        {"revisionHistoryLimit": 0},
    ],
    ids=[
        "image",
        "network",
        "label",
        "new annotation",
        "annotation",
        "annotation removed",
        "replicas",
        "paused",
        "strategy",
        "unavailable",
        "ready",
        "deadline",
        "history",
    ],
)
def test_an_account_that_rolls_out_may_change_nothing_else_of_the_bot(
    accounts: str, spec: Json, account: str
) -> None:
    said = patch(accounts, spec, account)
    assert "ValidatingAdmissionPolicy" in said, said
    assert "names the model to serve" in said


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"more": "x"}},
        {"finalizers": ["example.com/never"]},
        {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "gone", "uid": "1"}]},
    ],
    ids=["label", "finalizer", "owner"],
)
def test_an_account_that_rolls_out_may_not_have_the_bot_deleted_or_kept(
    accounts: str, metadata: Json
) -> None:
    said = patch(accounts, {}, metadata=metadata)
    assert "names the model to serve" in said, said


def test_a_person_may_still_create_other_jobs(accounts: str) -> None:
    job = job_of(accounts, "by-hand")
    del job["metadata"]["ownerReferences"]
    answer = kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(job))
    assert "job.batch/by-hand created" in answer.stdout
