"""The API's Deployment: which model its annotation names, how its rollout stands, which pods belong to it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from k8s.api.client import Cluster, Json

MODEL_ANNOTATION = "support-chatbot/model-version"
"""On the pod template: the one truth about what should serve. Absent: the bundle inside the image."""
REVISION_ANNOTATION = "deployment.kubernetes.io/revision"
_HASH_LABEL = "pod-template-hash"


class RolloutStatus(NamedTuple):
    """How a rollout stands."""

    done: bool
    failure: str
    """Why it will not end by itself; empty: it may."""
    summary: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of the current template that runs."""

    name: str
    uid: str
    address: str


class Deployment:
    """One reading of the Deployment."""

    def __init__(self, content: Json) -> None:
        """Args: content: as the API server gives it."""
        self.content = content
        self.name: str = content["metadata"]["name"]

    @property
    def annotations(self) -> Mapping[str, str]:
        """Its own, where the state of a promotion lies."""
        return self.content["metadata"].get("annotations") or {}

    @property
    def desired_model(self) -> str:
        """What should serve: `<version>@<bundle digest>`, or empty: the bundle inside the image."""
        annotations = self.content["spec"]["template"]["metadata"].get("annotations") or {}
        return str(annotations.get(MODEL_ANNOTATION, ""))

    @property
    def resource_version(self) -> str:
        """Of this reading: a change that names it holds only where nobody changed anything since."""
        return str(self.content["metadata"]["resourceVersion"])

    @property
    def is_observed(self) -> bool:
        """Whether its status is about what it says now: any change takes the controller a moment, an annotation too."""
        observed = (self.content.get("status") or {}).get("observedGeneration", 0)
        return bool(observed >= self.content["metadata"]["generation"])

    def rollout_status(self) -> RolloutStatus:
        """How the rollout stands, by what `kubectl rollout status` looks at."""
        spec, status = self.content["spec"], self.content.get("status") or {}
        desired = spec.get("replicas", 1)
        if spec.get("paused"):
            return RolloutStatus(False, "the Deployment is paused: kubectl rollout resume", "paused")
        if not self.is_observed:
            return RolloutStatus(False, "", "not seen by the controller yet")
        for condition in status.get("conditions") or []:
            if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
                return RolloutStatus(
                    False, condition.get("message", "no progress in time"), "no progress in time"
                )
        updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
        old = status.get("replicas", 0) - updated
        if updated < desired or old > 0 or available < updated:
            return RolloutStatus(
                False, "", f"{updated} of {desired} replicas new, {available} ready, {old} old ones left"
            )
        return RolloutStatus(True, "", f"{updated} replicas, all ready")

    def is_stale_failure(self, cluster: Cluster, status: RolloutStatus) -> bool:
        """Whether it was not the current template that made no progress, but the one before it."""
        current = self.current_replica_set(cluster)
        return 'ReplicaSet "' in status.failure and (
            current is None or f'"{current["metadata"]["name"]}"' not in status.failure
        )

    def current_replica_set(self, cluster: Cluster) -> Json | None:
        """The ReplicaSet of the template as it is now; None: the controller has not made it yet."""
        uid = self.content["metadata"]["uid"]
        for found in cluster.replica_sets(self._selector):
            owners = found["metadata"].get("ownerReferences") or []
            same_revision = (found["metadata"].get("annotations") or {}).get(
                REVISION_ANNOTATION
            ) == self.annotations.get(REVISION_ANNOTATION)
            if same_revision and any(owner["uid"] == uid for owner in owners):
                return found
        return None

    def pods(self, cluster: Cluster) -> list[Pod]:
        """The pods of the current template that run and are not leaving."""
        return [
            Pod(pod["metadata"]["name"], pod["metadata"]["uid"], pod["status"]["podIP"])
            for pod in self._pods(cluster)
            if pod["status"].get("phase") == "Running" and pod["status"].get("podIP")
        ]

    def pod_problems(self, cluster: Cluster) -> str:
        """What keeps the pods of the current template from being ready, in one line; empty: nothing is known."""
        found = []
        for pod in self._pods(cluster):
            name, status = pod["metadata"]["name"], pod["status"]
            for condition in status.get("conditions") or []:
                if condition["type"] == "PodScheduled" and condition["status"] == "False":
                    found.append(f"{name}: {condition.get('reason')}: {condition.get('message')}")
            for container in (status.get("initContainerStatuses") or []) + (
                status.get("containerStatuses") or []
            ):
                if not container.get("ready"):
                    found.append(f"{name}: {_container_problem(container)}")
        return "; ".join(line for line in found if line)[:800]

    @property
    def _selector(self) -> Mapping[str, str]:
        return dict(self.content["spec"]["selector"].get("matchLabels") or {})

    def _pods(self, cluster: Cluster) -> list[Json]:
        current = self.current_replica_set(cluster)
        if current is None:
            return []
        # The hash cannot be set by hand: no other Deployment's pod has it.
        selector = {**self._selector, _HASH_LABEL: current["metadata"]["labels"][_HASH_LABEL]}
        return [pod for pod in cluster.pods(selector) if not pod["metadata"].get("deletionTimestamp")]


def _container_problem(container: Json) -> str:
    """Why a container is not ready."""
    state, last = container.get("state") or {}, (container.get("lastState") or {}).get("terminated") or {}
    now = state.get("waiting") or state.get("terminated") or {}
    ended = state.get("terminated") or last
    # Of a container that left no message this is the end of its log: the last line says why.
    lines = str(ended.get("message") or now.get("message") or "").strip().splitlines()
    said = " ".join(lines[-1].split()) if lines else ""
    code = f"exit code {ended['exitCode']}" if "exitCode" in ended else ""
    parts = [str(now.get("reason") or "running, not ready"), code, said]
    return ", ".join(part for part in parts if part)
