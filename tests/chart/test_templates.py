"""What the chart renders keeps its promises, whatever values are set."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from chart.conftest import Json, Render, containers, lint, pod_specs
from tools import chart

ACTS = {"k8s.trigger", "k8s.promote", "k8s.secrets"}


def of(objects: list[Json], kind: str, name: str = "") -> Json:
    found = [o for o in objects if o["kind"] == kind and o["metadata"]["name"].endswith(name)]
    assert len(found) == 1, f"{kind}/*{name}: {[o['metadata']['name'] for o in found]}"
    return found[0]


def test_helm_lint_has_nothing_to_say(scenario: Path) -> None:
    assert lint("-f", str(scenario)) == ""


def test_every_pod_is_restricted_with_a_read_only_root_and_its_last_words_say_why_it_ended(
    render: Render, scenario: Path
) -> None:
    for name, spec in pod_specs(render("-f", str(scenario))):
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] > 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in containers(spec):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, (name, container["name"])
            assert own["readOnlyRootFilesystem"] is True, (name, container["name"])
            assert own["capabilities"] == {"drop": ["ALL"]}, (name, container["name"])
            assert container["terminationMessagePolicy"] == "FallbackToLogsOnError", (name, container["name"])
        assert not [v for v in spec["volumes"] if "hostPath" in v], name


def test_every_container_says_what_it_asks_for_and_may_use(render: Render, scenario: Path) -> None:
    for name, spec in pod_specs(render("-f", str(scenario))):
        for container in containers(spec):
            for part in ("requests", "limits"):
                assert set(container["resources"][part]) == {"cpu", "memory"}, (name, container["name"])


def test_only_the_containers_that_act_hold_a_token(render: Render, scenario: Path) -> None:
    for name, spec in pod_specs(render("-f", str(scenario))):
        assert spec["automountServiceAccountToken"] is False, name
        tokens = {v["name"] for v in spec["volumes"] if "serviceAccountToken" in json.dumps(v)}
        for container in containers(spec):
            mounted = (
                {mount["name"] for mount in container["volumeMounts"]}
                if "volumeMounts" in container
                else set()
            )
            acts = bool(ACTS & set(container.get("command", [])))
            assert bool(mounted & tokens) == acts, (name, container["name"])


def test_nothing_of_support_chatbots_own_annotations_is_rendered(render: Render, scenario: Path) -> None:
    for part in render("-f", str(scenario)):
        for metadata in _metadata(part):
            assert not [key for key in metadata.get("annotations", {}) if key.startswith("support-chatbot/")]


def test_no_secret_is_rendered(render: Render, scenario: Path) -> None:
    assert [o for o in render("-f", str(scenario)) if o["kind"] == "Secret"] == []


def test_static_keys_are_the_one_secret_that_is_rendered(render: Render) -> None:
    objects = render("--set", "minio.enabled=false,store.accessKey=A,store.secretKey=B")
    assert of(objects, "Secret")["stringData"] == {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B"}


def test_there_are_no_replicas_under_the_autoscaler(render: Render) -> None:
    assert "replicas" not in of(render(), "Deployment", "-api")["spec"]
    fixed = render("--set", "api.autoscaling.enabled=false,api.replicas=3")
    assert of(fixed, "Deployment", "-api")["spec"]["replicas"] == 3
    assert not [o for o in fixed if o["kind"] == "HorizontalPodAutoscaler"]


def test_the_bot_is_rolled_with_none_unavailable_and_has_time_to_leave(render: Render) -> None:
    spec = of(render(), "Deployment", "-api")["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
    }
    pod = spec["template"]["spec"]
    environment = {e["name"]: e for e in pod["containers"][0]["env"]}
    drain = int(environment["CHATBOT_DRAIN_SECONDS"]["value"])
    assert drain >= 10
    assert pod["terminationGracePeriodSeconds"] >= drain + 40
    model = environment["CHATBOT_MODEL"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert model == "metadata.annotations['support-chatbot/model-version']"


@pytest.mark.parametrize("name", ["-mlflow", "-minio"])
def test_what_writes_to_one_volume_is_recreated_and_not_rolled(render: Render, name: str) -> None:
    assert of(render(), "Deployment", name)["spec"]["strategy"] == {"type": "Recreate"}
    claim = of(render(), "PersistentVolumeClaim", name)
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_every_image_comes_from_the_mirror(render: Render) -> None:
    objects = render("-f", str(chart.CHART / "ci" / "03-air-gapped-values.yaml"))
    images = {c["image"] for _, spec in pod_specs(objects) for c in containers(spec)}
    assert len(images) >= 8
    assert not [image for image in images if not image.startswith("registry.internal:5000/mirror/")]
    assert not [image for image in images if image.endswith(":latest")]
    assert "registry.internal:5000/mirror/support-chatbot/api@sha256:" + "0" * 64 in images
    for name, spec in pod_specs(objects):
        assert spec["imagePullSecrets"] == [{"name": "mirror-login"}], name


def test_pods_go_where_they_are_sent_with_what_they_are_given(render: Render) -> None:
    objects = render("-f", str(chart.CHART / "ci" / "04-ha-values.yaml"))
    for name, spec in pod_specs(objects):
        assert spec["nodeSelector"] == {"node-role/chat": "true"}, name
        assert spec["tolerations"][0]["key"] == "chat", name
        assert spec["priorityClassName"] == "system-cluster-critical", name
    api = of(objects, "Deployment", "-api")["spec"]["template"]["spec"]["containers"][0]
    environment = {e["name"]: e.get("value") for e in api["env"]}
    assert environment["CHATBOT_MAX_BODY_BYTES"] == "1000000"
    assert environment["CHATBOT_GATHER"] == "true"
    assert environment["CHATBOT_SLOT_COMPANY"] == "Example Shop"
    assert environment["TZ"] == "Europe/Berlin"


def test_the_staff_pages_are_never_reached_from_outside(render: Render) -> None:
    objects = render("-f", str(chart.CHART / "ci" / "04-ha-values.yaml"))
    outside = [o["metadata"]["name"] for o in objects if o["kind"] in ("Ingress", "HTTPRoute")]
    assert sorted(outside) == ["support-chatbot-api", "support-chatbot-api", "support-chatbot-page"]
    assert of(objects, "Service", "-staff")["spec"]["type"] == "ClusterIP"
    opened = [o for o in objects if o["kind"] == "NetworkPolicy" and "Ingress" in o["spec"]["policyTypes"]]
    to_staff = [
        o["metadata"]["name"]
        for o in opened
        if o["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/component") == "staff"
    ]
    assert to_staff == []


def test_an_identity_means_no_key_anywhere(render: Render) -> None:
    objects = render("-f", str(chart.CHART / "ci" / "06-identity-values.yaml"))
    assert "AWS_ACCESS_KEY_ID" not in json.dumps(objects)
    accounts = [o for o in objects if o["kind"] == "ServiceAccount"]
    assert all("eks.amazonaws.com/role-arn" in a["metadata"]["annotations"] for a in accounts)


def test_each_client_of_the_store_has_a_key_of_its_own_and_the_root_key_is_the_bootstraps(
    render: Render,
) -> None:
    keys: dict[str, set[str]] = {}
    for name, spec in pod_specs(render()):
        for container in containers(spec):
            for entry in container.get("env", []):
                if "secretKeyRef" in entry.get("valueFrom", {}):
                    keys.setdefault(entry["valueFrom"]["secretKeyRef"]["name"], set()).add(
                        f"{name}:{container['name']}"
                    )
    root = keys["support-chatbot-minio-root"]
    assert {re.sub(r"-bootstrap-.*:", "-bootstrap:", user) for user in root} == {
        "Deployment/support-chatbot-minio:minio",
        "Job/support-chatbot-bootstrap:minio",
    }
    for client, user in {"api": "api", "staff": "staff", "mlflow": "mlflow", "drift": "drift"}.items():
        users = {name.split(":")[0] for name in keys[f"support-chatbot-store-{client}"]}
        assert {name for name in users if "bootstrap" not in name} == {
            f"{'CronJob' if client == 'drift' else 'Deployment'}/support-chatbot-{user}"
        }


def test_the_bootstrap_asks_for_secrets_as_the_command_understands_it(render: Render) -> None:
    from k8s.secrets import _labels, wanted

    job = next(spec for name, spec in pod_specs(render()) if "bootstrap" in name)
    arguments = list(next(c for c in job["initContainers"] if c["name"] == "secrets")["args"])
    labels = _labels(arguments)
    assert labels["app.kubernetes.io/instance"] == "support-chatbot"
    asked = wanted(arguments)
    needed: set[tuple[str, str]] = set()
    for _, spec in pod_specs(render()):
        for container in containers(spec):
            for entry in container.get("env", []):
                if ref := entry.get("valueFrom", {}).get("secretKeyRef"):
                    needed.add((ref["name"], ref["key"]))
    assert needed <= {(name, key) for name, keys in asked.items() for key in keys}


def test_the_operators_resources_are_rendered_where_it_is_there_and_annotations_elsewhere(
    render: Render,
) -> None:
    plain = of(render(), "Deployment", "-api")["spec"]["template"]["metadata"]
    assert plain["annotations"]["prometheus.io/scrape"] == "true"
    assert not [o for o in render() if o["apiVersion"].startswith("monitoring.coreos.com")]
    with_it = render("--api-versions", "monitoring.coreos.com/v1")
    assert {o["kind"] for o in with_it if o["apiVersion"].startswith("monitoring.coreos.com")} == {
        "PodMonitor", "ServiceMonitor", "PrometheusRule",
    }  # fmt: skip
    assert "annotations" not in of(with_it, "Deployment", "-api")["spec"]["template"]["metadata"]


def test_everything_off_renders_nothing(render: Render) -> None:
    assert render("-f", str(chart.CHART / "ci" / "05-off-values.yaml")) == []


def test_two_releases_of_one_namespace_do_not_meet(render: Render) -> None:
    import yaml

    other = [
        o for o in yaml.safe_load_all(chart.render("--kube-version", chart.KUBERNETES, release="other")) if o
    ]
    here = {(o["kind"], o["metadata"]["name"]) for o in render()}
    assert here & {(o["kind"], o["metadata"]["name"]) for o in other} == set()


def _metadata(part: object) -> list[Json]:
    found = []
    if isinstance(part, dict):
        for key, value in part.items():
            found += [value] if key == "metadata" and isinstance(value, dict) else []
            found += _metadata(value)
    elif isinstance(part, list):
        for value in part:
            found += _metadata(value)
    return found
