"""What the chart renders keeps its promises, whatever values are set."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.chart.conftest import Json, Render, containers, lint, notes, parsed, pod_specs, pod_templates
from tools.generate import chart

pytestmark = pytest.mark.process

ACTS = {"k8s.trigger", "k8s.promote", "k8s.secrets", "k8s.drain", "k8s.rollback"}


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


def test_replicas_are_not_set_with_the_autoscaler(render: Render) -> None:
    assert "replicas" not in of(render(), "Deployment", "-api")["spec"]
    fixed = render("--set", "api.autoscaling.enabled=false,api.replicas=3")
    assert of(fixed, "Deployment", "-api")["spec"]["replicas"] == 3
    assert not [o for o in fixed if o["kind"] == "HorizontalPodAutoscaler"]


def test_the_bot_is_rolled_by_quarters_with_none_unavailable_and_has_time_to_leave(render: Render) -> None:
    spec = of(render(), "Deployment", "-api")["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"},
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


def test_the_bots_pods_are_spread_and_one_at_a_time_may_be_evicted(render: Render) -> None:
    objects = render()
    own = of(objects, "Deployment", "-api")["spec"]["selector"]
    constraints = of(objects, "Deployment", "-api")["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert {c["topologyKey"] for c in constraints} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    for constraint in constraints:
        assert constraint["labelSelector"] == own
        assert constraint["whenUnsatisfiable"] == "ScheduleAnyway", "one node is enough for two pods"
    budget = of(objects, "PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], budget["selector"]) == (1, own)
    scaler = of(objects, "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == of(objects, "Deployment", "-api")["metadata"]["name"]
    assert scaler["minReplicas"] >= 2


def test_nothing_is_reached_from_outside_unless_asked_for(render: Render) -> None:
    assert not [o for o in render() if o["kind"] in ("Ingress", "HTTPRoute")]
    assert {o["spec"].get("type", "ClusterIP") for o in render() if o["kind"] == "Service"} == {"ClusterIP"}


def test_mlflow_keeps_its_runs_in_a_file_that_is_upgraded_first_or_in_a_database(render: Render) -> None:
    def backend(*values: str) -> tuple[object, list[str], str]:
        objects = render(*(f"--set={value}" for value in values))
        spec = of(objects, "Deployment", "-mlflow")["spec"]["template"]["spec"]
        init = spec["initContainers"][0]
        assert init["command"][-1] == "--upgrade"
        both = [{e["name"]: e for e in c["env"]}["CHATBOT_MLFLOW_BACKEND"] for c in containers(spec)]
        assert both[0] == both[1]
        claims = [o["metadata"]["name"] for o in objects if o["kind"] == "PersistentVolumeClaim"]
        volume = next(iter({v["name"]: set(v) - {"name"} for v in spec["volumes"]}["data"]))
        return both[0].get("value") or both[0]["valueFrom"], claims, volume

    file = "sqlite:////var/lib/support-chatbot/mlflow.db"
    minio, mlflow = "support-chatbot-minio", "support-chatbot-mlflow"
    assert backend() == (file, [minio, mlflow], "persistentVolumeClaim")
    assert backend("mlflow.volume.existingClaim=mine") == (file, [minio], "persistentVolumeClaim")
    uri = "postgresql://mlflow@db/mlflow"
    assert backend(f"mlflow.backend={uri}") == (uri, [minio], "emptyDir")
    own = "sqlite:////var/lib/support-chatbot/own.db"
    assert backend(f"mlflow.backend={own}") == (own, [minio, mlflow], "persistentVolumeClaim")
    key = {"secretKeyRef": {"name": "mine", "key": "backend"}}
    assert backend("mlflow.backendSecret=mine") == (key, [minio], "emptyDir")


def test_the_notes_name_what_is_there_in_commands_that_kubectl_takes(render: Render) -> None:
    said = notes()
    there = {(o["kind"].lower(), o["metadata"]["name"]) for o in render()}
    kinds = {"svc": "service", "cronjob": "cronjob", "deployment": "deployment"}
    named = {
        (kinds[kind], name)
        for kind, name in re.findall(r"\b(svc|cronjob|deployment)[/ ](support-chatbot-[\w-]+)", said)
    }
    assert len(named) >= 7
    assert named <= there
    for word in (
        "Chat:",
        "curl:",
        "MLflow:",
        "Staff pages:",
        "verdict:",
        "Drift check now:",
        "Roll back:",
        "is not ready?",
    ):
        assert word in said
    assert not re.search(r"logs (job|pod) -l", said), "kubectl takes a selector or a name"
    off = notes("-f", str(chart.CHART / "ci" / "05-off-values.yaml"))
    assert "port-forward" not in off


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


COMPONENTS = (
    "api",
    "chatPage",
    "staffPages",
    "mlflow",
    "minio",
    "pushgateway",
    "driftCheck",
    "upkeep",
    "retrain",
)


def test_every_pod_is_given_what_every_pod_shall_have(render: Render) -> None:
    given = {
        "annotations": {"team": "support"},
        "labels": {"cost-centre": "42"},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "chat", "operator": "Exists"}],
        "affinity": {"podAffinity": {}},
        "priorityClassName": "high",
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    }
    logins = [{"name": "login"}]
    told = (
        "--set-json",
        f"pod={json.dumps(given)}",
        "--set-json",
        f"global.imagePullSecrets={json.dumps(logins)}",
    )
    templates = list(pod_templates(render(*told)))
    assert len(templates) >= 11, "with the bootstrap and helm's test"
    for name, metadata, spec in templates:
        assert metadata["annotations"]["team"] == "support", name
        assert metadata["labels"]["cost-centre"] == "42", name
        assert spec["imagePullSecrets"] == logins, name
        for key in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
            assert spec[key] == given[key], (name, key)
        for container in containers(spec):
            assert given["extraEnv"][0] in container["env"], (name, container["name"])


@pytest.mark.parametrize("component", [*COMPONENTS, "bootstrap"])
def test_a_component_is_given_what_it_shall_have_and_no_other(render: Render, component: str) -> None:
    own = {
        "annotations": {"own": "yes"},
        "nodeSelector": {"own": "yes"},
        "extraEnv": [{"name": "OWN", "value": "yes"}],
    }
    has = []
    for name, metadata, spec in pod_templates(render("--set-json", f"{component}.pod={json.dumps(own)}")):
        marks = {
            metadata.get("annotations", {}).get("own") == "yes",
            spec.get("nodeSelector") == own["nodeSelector"],
            *(own["extraEnv"][0] in container["env"] for container in containers(spec)),
        }
        assert len(marks) == 1, name
        has += [name] if marks == {True} else []
    assert len(has) == 1


def test_a_digest_takes_precedence_over_the_tag_for_every_image(render: Render) -> None:
    digest = "sha256:" + "1" * 64
    ours = [name for name in COMPONENTS if name != "upkeep"]
    told = [f"--set={name}.image.digest={digest},{name}.image.tag=never" for name in ours]
    images = {c["image"] for _, spec in pod_specs(render(*told)) for c in containers(spec)}
    assert len(images) == len(ours)
    assert all(image.endswith("@" + digest) for image in images)


def test_pods_start_anew_when_the_stores_keys_in_the_values_change(render: Render) -> None:
    def sums(key: str) -> dict[str, str]:
        told = f"minio.enabled=false,store.endpoint=http://s3:9000,store.accessKey=me,store.secretKey={key}"
        return {
            name: metadata.get("annotations", {}).get("checksum/store", "")
            for name, metadata, _ in pod_templates(render("--set", told))
            if name.startswith("Deployment/")
        }

    one, other = sums("a"), sums("b")
    holders = {f"Deployment/support-chatbot-{name}" for name in ("api", "staff", "mlflow")}
    assert {name for name in one if one[name]} == holders
    assert {name for name in one if one[name] != other[name]} == holders
    assert sums("a") == one


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


def test_the_stores_clients_have_the_identity_of_all_or_their_own_and_other_accounts_have_none(
    render: Render,
) -> None:
    key = "role-arn"

    def identities(*arguments: str) -> dict[str, str | None]:
        accounts = [o["metadata"] for o in render(*arguments) if o["kind"] == "ServiceAccount"]
        return {
            a["name"].removeprefix("support-chatbot-"): a.get("annotations", {}).get(key) for a in accounts
        }

    all_of_them = f"--set=serviceAccounts.annotations.{key}=all"
    clients = {"api", "drift", "upkeep", "retrain", "staff", "mlflow", "bootstrap"}
    others = {"page", "minio", "pushgateway", "drain"}
    assert identities(all_of_them) == dict.fromkeys(clients, "all") | dict.fromkeys(others)
    own = f"--set=serviceAccounts.byComponent.api.{key}=own,serviceAccounts.byComponent.drift.other=a"
    assert identities(all_of_them, own) == identities(all_of_them) | {"api": "own"}
    assert identities(own) == dict.fromkeys(clients | others) | {"api": "own"}


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
    expected = {
        "api": {"Deployment/support-chatbot-api"},
        "staff": {"Deployment/support-chatbot-staff", "CronJob/support-chatbot-review"},
        "mlflow": {"Deployment/support-chatbot-mlflow"},
        "drift": {"CronJob/support-chatbot-drift"},
        "upkeep": {"CronJob/support-chatbot-upkeep", "CronJob/support-chatbot-forget"},
        "retrain": {"CronJob/support-chatbot-retrain"},
    }
    for client, own in expected.items():
        users = {name.split(":")[0] for name in keys[f"support-chatbot-store-{client}"]}
        assert {name for name in users if "bootstrap" not in name} == own


def test_the_bootstrap_asks_for_secrets_as_the_command_understands_it(render: Render) -> None:
    from k8s.secrets import parse_arguments

    job = next(spec for name, spec in pod_specs(render()) if "bootstrap" in name)
    arguments = list(next(c for c in job["initContainers"] if c["name"] == "secrets")["args"])
    asked, labels = parse_arguments(arguments)
    assert labels["app.kubernetes.io/instance"] == "support-chatbot"
    needed: set[tuple[str, str]] = set()
    for _, spec in pod_specs(render()):
        for container in containers(spec):
            for entry in container.get("env", []):
                if ref := entry.get("valueFrom", {}).get("secretKeyRef"):
                    needed.add((ref["name"], ref["key"]))
    assert needed <= {(name, key) for name, keys in asked.items() for key in keys}


def test_minio_is_set_up_where_every_secret_is_there_and_nothing_is_registered(render: Render) -> None:
    secrets = "minio.existingSecret=a,store.existingSecret=b,api.existingSecret=c,staffPages.existingSecret=d"
    objects = render("--set", f"{secrets},bootstrap.register=false")
    (job,) = [spec for name, spec in pod_specs(objects) if "bootstrap" in name]
    assert [c["name"] for c in containers(job)] == ["minio", "done"]


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
    left = of(with_it, "Deployment", "-api")["spec"]["template"]["metadata"]["annotations"]
    assert not any(name.startswith("prometheus.io/") for name in left)
    # Helm 3 takes away all annotations of a template that has none left: what should serve is one of them.
    assert left


def test_what_is_turned_off_has_no_alert_about_its_last_metrics(render: Render) -> None:
    def alerts(*values: str) -> dict[str, str]:
        objects = render(
            "--api-versions", "monitoring.coreos.com/v1", *(f"--set={value}" for value in values)
        )
        (rule,) = [o for o in objects if o["kind"] == "PrometheusRule"]
        return {each["alert"]: each["expr"] for group in rule["spec"]["groups"] for each in group["rules"]}

    everything = alerts()
    for value, read in {
        "driftCheck.enabled=false": "chatbot_(drift|trigger)_",
        "retrain.enabled=false": "chatbot_(trigger|retrain|rollout_deadline)_",
    }.items():
        expected = {name for name, expression in everything.items() if re.search(read, expression)}
        # The series of the last check only tells `ChatbotDown` which releases exist.
        assert everything.keys() - alerts(value).keys() == expected - {"ChatbotDown"}, value


def test_everything_off_renders_nothing(render: Render) -> None:
    assert render("-f", str(chart.CHART / "ci" / "05-off-values.yaml")) == []


def test_two_releases_of_one_namespace_do_not_meet(render: Render) -> None:
    other = parsed(chart.render("--kube-version", chart.KUBERNETES, release="other"))
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


def test_one_shard_is_an_ordinary_job_and_more_are_an_indexed_job_with_the_same_rights(
    render: Render,
) -> None:
    ordinary = render()
    sharded = render("--set", "driftCheck.shards=4,upkeep.shards=3")
    for name, shards, commands in (
        ("-drift", 4, ("monitoring.drift_report", "k8s.trigger")),
        ("-upkeep", 3, ("monitoring.compact", "monitoring.retention")),
    ):
        job = of(ordinary, "CronJob", name)["spec"]["jobTemplate"]["spec"]
        assert not {"completionMode", "completions", "parallelism"} & set(job)
        assert "--shard" not in json.dumps(job)
        indexed = of(sharded, "CronJob", name)["spec"]["jobTemplate"]["spec"]
        assert (indexed["completionMode"], indexed["completions"], indexed["parallelism"]) == (
            "Indexed", shards, shards,
        )  # fmt: skip
        assert indexed["backoffLimit"] == shards * job["backoffLimit"]
        for container, module in zip(containers(indexed["template"]["spec"]), commands, strict=True):
            assert container["command"][2] == module
            if module == "k8s.trigger":
                assert container["command"][3:] == ["--optional"]
            else:
                at = container["command"].index("--shard") + 1
                assert container["command"][at] == f"$(JOB_COMPLETION_INDEX)/{shards}"
    check = containers(of(sharded, "CronJob", "-drift")["spec"]["jobTemplate"]["spec"]["template"]["spec"])[0]
    assert check["command"][-2:] == ["--run", "$(RUN)"]
    (run,) = [v for v in check["env"] if v["name"] == "RUN"]
    path = "metadata.labels['batch.kubernetes.io/controller-uid']"
    assert run["valueFrom"] == {"fieldRef": {"fieldPath": path}}, "another Job is another check"
    kinds = {"Role", "RoleBinding", "ServiceAccount", "NetworkPolicy"}
    rights = [[part for part in objects if part["kind"] in kinds] for objects in (ordinary, sharded)]
    assert rights[0] == rights[1]


def test_the_bootstrap_job_of_an_upgrade_goes_by_itself_and_the_one_of_an_installation_stays(
    render: Render,
) -> None:
    """Helm forgets what a refused upgrade has made. An installation's stays: `kubectl apply -k` would make it again."""
    installed, upgraded = (
        next(
            o["spec"] for o in render(*flags) if o["kind"] == "Job" and "-bootstrap-" in o["metadata"]["name"]
        )
        for flags in ((), ("--is-upgrade",))
    )
    assert "ttlSecondsAfterFinished" not in installed
    assert 3_600 <= upgraded["ttlSecondsAfterFinished"] <= 86_400
