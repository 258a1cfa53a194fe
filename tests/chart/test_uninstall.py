"""An uninstall: the bot leaves first, and has a store to upload to; what it could not send outlives it by value."""

from __future__ import annotations

import json

import pytest

from tests.chart.conftest import Json, Render, pod_specs

pytestmark = pytest.mark.process

API, DRAIN = "support-chatbot-api", "support-chatbot-drain"


def hooks(objects: list[Json]) -> dict[str, Json]:
    return {
        part["kind"]: part
        for part in objects
        if "pre-delete" in part["metadata"].get("annotations", {}).get("helm.sh/hook", "")
    }


def test_the_bot_is_drained_before_anything_is_deleted_by_an_account_that_may_only_do_that(
    render: Render,
) -> None:
    found = hooks(render())
    assert set(found) == {"ServiceAccount", "Role", "RoleBinding", "Job"}
    weight = {
        kind: int(o["metadata"]["annotations"].get("helm.sh/hook-weight", 0)) for kind, o in found.items()
    }
    assert all(weight[kind] < weight["Job"] for kind in ("ServiceAccount", "Role", "RoleBinding"))
    for kind, part in found.items():
        assert part["metadata"]["name"] == DRAIN
        policy = part["metadata"]["annotations"]["helm.sh/hook-delete-policy"].split(",")
        assert {"before-hook-creation", "hook-succeeded"} <= set(policy)
        assert ("hook-failed" in policy) == (kind != "Job"), (
            "the account goes too; the log of a failed drain stays"
        )
    assert found["Role"]["rules"] == [
        {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": [API], "verbs": ["get"]},
        {
            "apiGroups": ["apps"],
            "resources": ["deployments/scale"],
            "resourceNames": [API],
            "verbs": ["patch"],
        },
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    ]
    assert found["Job"]["spec"]["template"]["spec"]["containers"][0]["command"][:3] == [
        "python",
        "-m",
        "k8s.drain",
    ]


@pytest.mark.parametrize("setting", ["api.drainSeconds=10", "api.settings.CHATBOT_UPLOAD_CLOSE_SECONDS=1200"])
def test_the_hook_waits_longer_than_the_bot_may_take_and_ends(render: Render, setting: str) -> None:
    objects = render("--set", setting)
    grace = dict(pod_specs(objects))[f"Deployment/{API}"]["terminationGracePeriodSeconds"]
    job = hooks(objects)["Job"]["spec"]
    seconds = float(job["template"]["spec"]["containers"][0]["command"][-1])
    assert grace < seconds < job["activeDeadlineSeconds"]


def test_the_hook_may_reach_the_api_server(render: Render) -> None:
    (policy,) = [o for o in render() if o["metadata"]["name"].endswith("jobs-to-api-server")]
    assert "drain" in policy["spec"]["podSelector"]["matchExpressions"][0]["values"]
    (job,) = [o for o in render() if o["kind"] == "Job" and o["metadata"]["name"] == DRAIN]
    assert job["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] == "drain"


def test_a_store_that_stays_needs_no_hook(render: Render) -> None:
    assert hooks(render("--set=minio.enabled=false,store.podIdentity=true")) == {}


def test_a_minio_that_is_evicted_with_the_bot_serves_on_while_it_uploads(render: Render) -> None:
    spec = dict(pod_specs(render("--set=minio.leaveSeconds=70")))["Deployment/support-chatbot-minio"]
    assert spec["containers"][0]["lifecycle"]["preStop"] == {"exec": {"command": ["sleep", "70"]}}
    assert spec["terminationGracePeriodSeconds"] == 100


def test_the_manifests_for_kubectl_have_no_hooks_which_it_would_run_at_once(render: Render) -> None:
    from tools.generate import chart

    assert not [name for name, text in chart.manifests().items() if "helm.sh/hook" in text]


def test_the_persistent_spool_is_a_folder_for_each_pod_on_one_volume_that_outlives_the_release(
    render: Render,
) -> None:
    objects = render("--set=api.spool.persistent=true,api.spool.storageClass=nfs")
    (claim,) = [
        o for o in objects if o["kind"] == "PersistentVolumeClaim" and "spool" in o["metadata"]["name"]
    ]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["spec"]["storageClassName"] == "nfs"
    spec = dict(pod_specs(objects))[f"Deployment/{API}"]
    (volume,) = [v for v in spec["volumes"] if v["name"] == "shared-spool"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    (container,) = spec["containers"]
    environment = {v["name"]: v for v in container["env"]}
    mounted = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}["shared-spool"]
    assert environment["CHATBOT_LOG_FOLDER"]["value"] == f"{mounted}/$(POD_NAME)"
    assert environment["POD_NAME"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert environment["CHATBOT_LOG_ADOPT"]["value"] == "true"
    own = render("--set=api.spool.persistent=true,api.spool.existingClaim=mine")
    assert not [o for o in own if o["kind"] == "PersistentVolumeClaim" and "spool" in o["metadata"]["name"]]


def test_a_volume_of_one_node_keeps_the_pods_together_beside_the_affinity_of_the_values(
    render: Render,
) -> None:
    shared = "--set=api.spool.persistent=true,api.spool.accessMode="

    def pod(*arguments: str) -> Json:
        return dict(pod_specs(render(*arguments)))[f"Deployment/{API}"]

    def spread(spec: Json) -> list[str]:
        return [constraint["topologyKey"] for constraint in spec["topologySpreadConstraints"]]

    many = pod(shared + "ReadWriteMany")
    assert "affinity" not in many
    assert "kubernetes.io/hostname" in spread(many)
    one = pod(shared + "ReadWriteOnce")
    own = next(o for o in render() if o["kind"] == "Deployment" and o["metadata"]["name"] == API)["spec"][
        "selector"
    ]
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": own}
    assert one["affinity"] == {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    assert spread(one) == ["topology.kubernetes.io/zone"]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "a"}]}
    given = json.dumps({"nodeAffinity": {"a": 1}, "podAffinity": required})
    for path in ("pod", "api.pod"):
        both = pod(shared + "ReadWriteOnce", f"--set-json={path}.affinity={given}")["affinity"]
        assert both["nodeAffinity"] == {"a": 1}
        assert both["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] == [
            {"topologyKey": "a"},
            term,
        ]


def test_without_it_the_spool_is_the_pods_own(render: Render) -> None:
    spec = dict(pod_specs(render()))[f"Deployment/{API}"]
    assert "persistentVolumeClaim" not in str(spec["volumes"])
    assert "CHATBOT_LOG_ADOPT" not in str(spec["containers"][0]["env"])
