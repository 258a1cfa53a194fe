"""Every field keeps its type, whatever is named: the API server refuses `true` or `2024` where it expects a string."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.conftest import FASTEST, Json, Render, parsed, pod_templates
from tools.generate import chart

pytestmark = pytest.mark.process

WORDS = ("true", "no", "null", "2024")
"""Names that Kubernetes permits, and that YAML reads as another type where they are not quoted."""
NAMED = [
    "api.existingSecret",
    "api.apiKeys.existingSecret",
    "api.apiKeys.clientSecret",
    "api.ingress.className",
    "api.ingress.host",
    "api.ingress.tlsSecret",
    "api.route.host",
    "api.spool.storageClass",
    "api.image.tag",
    "api.slots.company",
    "api.service.annotations.a",
    "api.clients.a",
    "chatPage.ingress.className",
    "chatPage.ingress.host",
    "chatPage.ingress.tlsSecret",
    "chatPage.image.tag",
    "chatPage.settings.CHATBOT_SLOT_A",
    "staffPages.existingSecret",
    "staffPages.image.tag",
    "mlflow.image.tag",
    "mlflow.allowedHosts",
    "mlflow.volume.storageClass",
    "store.region",
    "minio.existingSecret",
    "minio.image.tag",
    "minio.volume.storageClass",
    "pushgateway.image.tag",
    "driftCheck.image.tag",
    "retrain.image.tag",
    "corpus.configMap",
    "corpus.path",
    "corpus.replies",
    "corpus.messageColumn",
    "corpus.intentColumn",
    "serviceAccounts.annotations.a",
    "serviceAccounts.byComponent.api.a",
    "networkPolicy.prometheusNamespace.a",
    "monitoring.labels.a",
    "monitoring.dashboards.labels.a",
    "monitoring.dashboards.annotations.a",
    "pod.annotations.a",
    "pod.labels.a",
    "pod.nodeSelector.a",
    "pod.priorityClassName",
    "upkeep.pod.priorityClassName",
    "global.imagePullSecrets[0].name",
    "pod.extraEnv[0].value",
]
ELSEWHERE = [
    "store.existingSecret",
    "mlflow.backendSecret",
    "staffPages.oidcSecret",
    "api.spool.existingClaim",
    "corpus.existingClaim",
    "corpus.path",
]
"""Values that others exclude."""
FLAGS = {
    "named": (
        "api.ingress.enabled=true,api.route.enabled=true,api.route.parents[0].name=a,api.spool.persistent=true",
        "chatPage.ingress.enabled=true,pod.extraEnv[0].name=A,monitoring.operator=always,fullnameOverride=bot",
    ),
    "elsewhere": (
        "minio.enabled=false,api.spool.persistent=true,fullnameOverride=bot",
    ),
    "volumes": ("fullnameOverride=bot",),
    "keys": ("minio.enabled=false,fullnameOverride=bot",),
}  # fmt: skip
VALUES = {
    "named": NAMED,
    "elsewhere": ELSEWHERE,
    "volumes": ["mlflow.volume.existingClaim", "minio.volume.existingClaim"],
    "keys": ["store.accessKey", "store.secretKey", "store.existingSecrets.api"],
}


def types(part: Any) -> Any:
    """The structure of an object, with the type of each value."""
    if isinstance(part, dict):
        return {key: types(value) for key, value in part.items()}
    return [types(value) for value in part] if isinstance(part, list) else type(part).__name__


def named(kind: str, word: str) -> list[Json]:
    """What the chart renders where release, namespace and these values are named so."""
    flags = [f"--set={flag}" for flag in FLAGS[kind]]
    texts = [f"--set-string={path}={word}" for path in VALUES[kind]]
    return parsed(
        chart.render("--kube-version", chart.KUBERNETES, *flags, *texts, release=word, namespace=word)
    )


@pytest.mark.parametrize("kind", FLAGS)
def test_a_name_that_yaml_reads_as_another_type_remains_text(kind: str) -> None:
    ordinary = types(named(kind, "plain"))
    for word in WORDS:
        assert types(named(kind, word)) == ordinary, word


def test_large_whole_numbers_of_a_file_remain_whole_numbers(tmp_path: Path, render: Render) -> None:
    """Helm reads a number in a file as a float, and prints 2592000 as 2.592e+06."""
    large = 2_592_000
    values = {
        "api": {"progressDeadlineSeconds": large},
        "driftCheck": {"deadlineSeconds": large},
        "upkeep": {"deadlineSeconds": large},
        "retrain": {"deadlineSeconds": large, "keepSeconds": large},
    }
    file = tmp_path / "large.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    text = json.dumps(render("-f", str(file)))
    assert text.count(f": {large},") >= 6
    assert f"{large}.0" not in text
    assert "e+06" not in text


def test_an_ipv6_block_of_the_api_server_is_rendered(render: Render) -> None:
    for block in ("::/0", "fd00::/8"):
        assert f'{{"cidr": "{block}"}}' in json.dumps(render(f"--set=networkPolicy.apiServer={{{block}}}"))


def twice(node: yaml.Node | None) -> list[str]:
    """The keys that a mapping in this document has more than once."""
    if isinstance(node, yaml.SequenceNode):
        return [key for part in node.value for key in twice(part)]
    if not isinstance(node, yaml.MappingNode):
        return []
    keys = Counter(key.value for key, _ in node.value)
    found = [key for key, count in keys.items() if count > 1]
    return found + [key for _, part in node.value for key in twice(part)]


def test_no_object_has_a_key_twice_whatever_labels_and_annotations_are_set(scenario: Path) -> None:
    """Strict parsers such as kustomize's refuse it."""
    names = (
        "app.kubernetes.io/part-of",
        "app.kubernetes.io/version",
        "app.kubernetes.io/managed-by",
        "helm.sh/chart",
    )
    given = json.dumps(dict.fromkeys(names, "own"))
    paths = (
        "pod.labels",
        "api.pod.labels",
        "upkeep.pod.labels",
        "monitoring.labels",
        "monitoring.dashboards.labels",
    )
    text = chart.render("-f", str(scenario), *(f"--set-json={path}={given}" for path in paths))
    assert [key for part in yaml.compose_all(text, FASTEST) for key in twice(part)] == []


def test_no_manifest_has_a_key_twice() -> None:
    for name, text in chart.manifests().items():
        assert [key for part in yaml.compose_all(text, FASTEST) for key in twice(part)] == [], name


def test_a_pods_own_label_wins_over_everybodys_over_the_charts(render: Render) -> None:
    label = "app.kubernetes.io/part-of"
    told = (f'--set-json=pod.labels={{"{label}":"shop"}}', f'--set-json=api.pod.labels={{"{label}":"own"}}')
    for name, metadata, _ in pod_templates(render(*told)):
        assert metadata["labels"][label] == ("own" if name.endswith("-api") else "shop"), name
