"""The chart, rendered."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.cluster import namespace_of_the_testbed
from tools.generate import chart

Json = dict[str, Any]
Render = Callable[..., list[Json]]

# libyaml's loader, where it is there, takes an eighth of the time. `parse_fast` bounds nesting by counting brackets,
# of which a rendered chart has many; it is our own text, and not nested deeply.
FASTEST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SCENARIOS = sorted((chart.CHART / "ci").glob("*-values.yaml"))


def parsed(text: str) -> list[Json]:
    """Return the objects in a rendered chart."""
    return [part for part in yaml.load_all(text, FASTEST) if part]


@pytest.fixture(scope="session")
def render() -> Render:
    """`render("--set", ...)`: the objects that the chart makes."""
    found: dict[tuple[str, ...], list[Json]] = {}

    def made(*arguments: str) -> list[Json]:
        if arguments not in found:
            found[arguments] = parsed(chart.render("--kube-version", chart.KUBERNETES, *arguments))
        return found[arguments]

    return made


@pytest.fixture(params=SCENARIOS, ids=lambda path: path.name.removesuffix("-values.yaml"))
def scenario(request: pytest.FixtureRequest) -> Path:
    """One of the chart's values files."""
    path: Path = request.param
    return path


@pytest.fixture(scope="session")
def namespace() -> Iterator[str]:
    """A namespace that enforces `restricted`, on the testbed's cluster."""
    with namespace_of_the_testbed() as name:
        yield name


def pod_templates(objects: list[Json]) -> list[tuple[str, Json, Json]]:
    """`kind/name`, metadata and spec of every pod that these objects make."""
    found = []
    for part in objects:
        kind, name = part["kind"], part["metadata"]["name"]
        template = {
            "Pod": lambda p: p,
            "Deployment": lambda p: p["spec"]["template"],
            "Job": lambda p: p["spec"]["template"],
            "CronJob": lambda p: p["spec"]["jobTemplate"]["spec"]["template"],
        }.get(kind)
        if template is not None:
            found.append((f"{kind}/{name}", template(part)["metadata"], template(part)["spec"]))
    return found


def pod_specs(objects: list[Json]) -> list[tuple[str, Json]]:
    """`kind/name` and spec of every pod that these objects make."""
    return [(name, spec) for name, _, spec in pod_templates(objects)]


def containers(spec: Json) -> list[Json]:
    """All of a pod's containers."""
    return [*spec.get("initContainers", []), *spec["containers"]]


@cache
def notes(*arguments: str) -> str:
    """What `helm install` says in the end; no cluster is asked."""
    command = [
        chart.program("helm"),
        "install",
        chart.RELEASE,
        str(chart.CHART),
        "--namespace",
        chart.NAMESPACE,
    ]
    answer = subprocess.run(
        [*command, "--dry-run=client", *arguments],
        env=os.environ | {"KUBECONFIG": "/dev/null"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return answer.stdout.partition("\nNOTES:\n")[2]


def lint(*arguments: str) -> str:
    """What `helm lint --strict` says."""
    command = [chart.program("helm"), "lint", "--strict", str(chart.CHART), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if answer.returncode == 0 else answer.stdout + answer.stderr
