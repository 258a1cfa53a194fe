"""A real API server takes what the chart renders, for every values file, in a namespace that enforces `restricted`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.chart.cluster import kubectl
from tests.chart.conftest import parsed
from tools.generate import chart

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def test_a_real_api_server_takes_every_scenario(namespace: str, scenario: Path) -> None:
    rendered = chart.render(
        "-f", str(scenario), "--skip-tests", "--api-versions", "monitoring.coreos.com/v1", namespace=namespace
    )
    objects = parsed(rendered)
    # The Gateway API's resources are not on this cluster.
    known = [part for part in objects if part["kind"] != "HTTPRoute"]
    if not known:
        assert "05-off" in scenario.name
        return
    answer = kubectl(
        "apply",
        "--server-side",
        "--dry-run=server",
        "-n",
        namespace,
        "-f",
        "-",
        stdin=yaml.safe_dump_all(known),
    )
    assert "would violate" not in answer.stderr, answer.stderr
    assert answer.stdout.count("serverside-applied") == len(known)


def test_a_pod_outside_the_standard_would_be_refused_here(namespace: str) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {"containers": [{"name": "root", "image": "x"}]},
    }
    answer = kubectl(
        "create", "--dry-run=server", "-n", namespace, "-f", "-", stdin=json.dumps(pod), check=False
    )
    assert answer.returncode != 0
    assert "restricted" in answer.stderr


def test_the_manifests_go_in_with_kustomize(namespace: str) -> None:
    built = kubectl("kustomize", str(chart.MANIFESTS)).stdout
    parts = parsed(built)
    namespaced = [p for p in parts if not p["kind"].startswith("ValidatingAdmission")]
    assert {part["metadata"]["namespace"] for part in namespaced} == {chart.NAMESPACE}
    for part in namespaced:
        part["metadata"]["namespace"] = namespace
        for subject in part.get("subjects", []):
            subject["namespace"] = namespace
    kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump_all(namespaced))
