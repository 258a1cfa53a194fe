"""Measure each container's CPU and memory usage (kubelet statistics) against its requests and limits."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubernetes.utils import parse_quantity

from tools.bench.figures import markdown
from tools.cluster.target import ClusterTarget

_EVERY_SECONDS = 3.0
HEADINGS = (
    "component", "container", "looks", "CPU mean", "CPU most", "asked", "limit", "memory most", "asked", "limit",
)  # fmt: skip
Json = dict[str, Any]


@dataclass
class Seen:
    """Peak usage of the containers of one name, over all samples.

    Attributes:
        cores: peak CPU use, averaged by the kubelet over its last seconds.
        bytes: peak working set.
        looks: number of samples.
    """

    cores: float = 0.0
    bytes: float = 0.0
    looks: int = 0
    total_cores: float = 0.0

    @property
    def mean_cores(self) -> float:
        """Return the mean CPU use over all samples."""
        return self.total_cores / max(1, self.looks)

    def note(self, cores: float, used: float) -> None:
        """Add one sample of one container."""
        self.cores, self.bytes = max(self.cores, cores), max(self.bytes, used)
        self.looks, self.total_cores = self.looks + 1, self.total_cores + cores


Name = tuple[str, str]
"""Component and container."""


def watch(
    target: ClusterTarget, namespace: str, is_over: Callable[[], bool]
) -> tuple[dict[Name, Seen], dict[Name, Json]]:
    """Sample until `is_over`. Returns: the usage, and each container's `resources`."""
    seen: dict[Name, Seen] = {}
    resources: dict[Name, Json] = {}
    while True:
        last = is_over()
        components = {}
        for pod in target.get("pods", "-n", namespace)["items"]:
            component = pod["metadata"]["labels"].get("app.kubernetes.io/component", "")
            components[pod["metadata"]["name"]] = component
            if pod["status"].get("phase") not in ("Running", "Pending"):
                continue
            for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
                resources[component, container["name"]] = container.get("resources", {})
        for node in target.get("nodes")["items"]:
            path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
            note(seen, json.loads(target.kubectl("get", "--raw", path))["pods"], namespace, components)
        if last:
            return seen, resources
        time.sleep(_EVERY_SECONDS)


def note(seen: dict[Name, Seen], pods: Iterable[Json], namespace: str, components: dict[str, str]) -> None:
    """Add one kubelet response."""
    for pod in pods:
        ref = pod["podRef"]
        if ref["namespace"] != namespace or ref["name"] not in components:
            continue
        for container in pod.get("containers", []):
            cores = container.get("cpu", {}).get("usageNanoCores")
            used = container.get("memory", {}).get("workingSetBytes")
            if cores is not None and used is not None:
                seen.setdefault((components[ref["name"]], container["name"]), Seen()).note(cores / 1e9, used)


def rows(seen: dict[Name, Seen], resources: dict[Name, Json]) -> list[tuple[str, ...]]:
    """Return one row per container, with the columns of HEADINGS."""
    made: list[tuple[str, ...]] = []
    for (component, container), found in sorted(seen.items()):
        told = resources.get((component, container), {})
        asked, limit = told.get("requests", {}), told.get("limits", {})
        made.append((
            component, container, str(found.looks), f"{found.mean_cores:.3f}", f"{found.cores:.3f}",
            asked.get("cpu", "-"), limit.get("cpu", "-"), f"{found.bytes / 2**20:.0f} Mi",
            asked.get("memory", "-"), limit.get("memory", "-"),
        ))  # fmt: skip
    return made


def page(found: Sequence[tuple[str, ...]], done: str) -> str:
    """Return the content of docs/results.d/cluster.md."""
    return (
        "# What the stack uses on a cluster\n\n"
        f"`make cluster && make cluster-usage`, {datetime.now(UTC):%Y-%m-%d}: what the kubelet counted every "
        f"{_EVERY_SECONDS:g} s, over all containers of a name. Memory is the working set, files that may be dropped "
        f"included. A container that ran between two looks was not seen. Meanwhile: {done}.\n\n"
        + markdown(HEADINGS, found)
    )


def too_little(seen: dict[Name, Seen], resources: dict[Name, Json]) -> list[str]:
    """Describe containers that used more memory than their request, or over 90 % of their limit."""
    found = []
    for name, used in sorted(seen.items()):
        told = resources.get(name, {})
        asked, limit = told.get("requests", {}).get("memory"), told.get("limits", {}).get("memory")
        words = f"{'/'.join(name)}: {used.bytes / 2**20:.0f} Mi"
        if limit and used.bytes > 0.9 * _bytes(limit):
            found.append(f"{words}, and may take {limit}")
        elif asked and used.bytes > _bytes(asked):
            found.append(f"{words}, and asks for {asked}")
    return found


def _bytes(quantity: str) -> float:
    return float(parse_quantity(quantity))  # type: ignore[no-untyped-call]
