"""Read a Deployment: desired model (annotation), rollout status, pods of the current template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from k8s.api.client import Cluster, Json

MODEL_ANNOTATION = "support-chatbot/model-version"
"""Source of truth for the model to serve, on the pod template. Absent: the bundle inside the image."""
REVISION_ANNOTATION = "deployment.kubernetes.io/revision"
_HASH_LABEL = "pod-template-hash"


class RolloutStatus(NamedTuple):
    """Status of a Deployment's rollout."""

    done: bool
    failure: str
    """Why the rollout cannot finish without intervention; empty: it still can."""
    summary: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A running pod of the current template."""

    name: str
    uid: str
    address: str


class Deployment:
    """Snapshot of a Deployment."""

    def __init__(self, content: Json) -> None:
        """Args: content: the object as returned by the API server."""
        self.content = content
        self.name: str = content["metadata"]["name"]

    @property
    def annotations(self) -> Mapping[str, str]:
        """Return the Deployment's own annotations, which hold the rollout state."""
        return self.content["metadata"].get("annotations") or {}

    @property
    def desired_model(self) -> str:
        """Return the model to serve as `<version>@<bundle digest>`; empty: the bundle inside the image."""
        annotations = self.content["spec"]["template"]["metadata"].get("annotations") or {}
        return str(annotations.get(MODEL_ANNOTATION, ""))

    @property
    def resource_version(self) -> str:
        """Return the resourceVersion, for optimistic concurrency: a patch with an outdated one is refused."""
        return str(self.content["metadata"]["resourceVersion"])

    @property
    def is_observed(self) -> bool:
        """Whether the status describes the current spec.

        The controller takes a moment to observe any change, including a change of an annotation.
        """
        observed = (self.content.get("status") or {}).get("observedGeneration", 0)
        return bool(observed >= self.content["metadata"]["generation"])

    def rollout_status(self) -> RolloutStatus:
        """Evaluate the rollout by the same fields as `kubectl rollout status`."""
        spec, status = self.content["spec"], self.content.get("status") or {}
        desired = spec.get("replicas", 1)
        if spec.get("paused"):
            return RolloutStatus(False, "the Deployment is paused: kubectl rollout resume", "paused")
        if not self.is_observed:
            return RolloutStatus(False, "", "not seen by the controller yet")
        for condition in status.get("conditions") or []:
            if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
                late = "no progress in time"
                return RolloutStatus(False, condition.get("message", late), late)
        updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
        old = status.get("replicas", 0) - updated
        if updated < desired or old > 0 or available < updated:
            state = f"{updated} of {desired} replicas new, {available} ready, {old} old ones left"
            return RolloutStatus(False, "", state)
        return RolloutStatus(True, "", f"{updated} replicas, all ready")

    def is_stale_failure(self, cluster: Cluster, status: RolloutStatus) -> bool:
        """Whether the reported failure belongs to the previous template, not the current one."""
        current = self.current_replica_set(cluster)
        return 'ReplicaSet "' in status.failure and (
            current is None or f'"{current["metadata"]["name"]}"' not in status.failure
        )

    def current_replica_set(self, cluster: Cluster) -> Json | None:
        """Return the ReplicaSet of the current template; None: the controller has not created it yet."""
        for found in self._replica_sets(cluster):
            revision = (found["metadata"].get("annotations") or {}).get(REVISION_ANNOTATION)
            if revision == self.annotations.get(REVISION_ANNOTATION):
                return found
        return None

    def has_named_a_model(self, cluster: Cluster) -> bool:
        """Whether its template names a model, or that of a revision that is kept; False for a new Deployment."""
        kept = [found["spec"]["template"]["metadata"] for found in self._replica_sets(cluster)]
        return bool(self.desired_model) or any(
            (template.get("annotations") or {}).get(MODEL_ANNOTATION) for template in kept
        )

    def pods(self, cluster: Cluster) -> list[Pod]:
        """Return the running pods of the current template that are not terminating."""
        return [
            Pod(pod["metadata"]["name"], pod["metadata"]["uid"], pod["status"]["podIP"])
            for pod in self._pods(cluster)
            if pod["status"].get("phase") == "Running" and pod["status"].get("podIP")
        ]

    def pod_problems(self, cluster: Cluster) -> str:
        """Describe in one line why pods of the current template are not ready; empty: no reason is known."""
        found = []
        for pod in self._pods(cluster):
            name, status = pod["metadata"]["name"], pod["status"]
            for condition in status.get("conditions") or []:
                if condition["type"] == "PodScheduled" and condition["status"] == "False":
                    found.append(f"{name}: {condition.get('reason')}: {condition.get('message')}")
            for kind in ("initContainerStatuses", "containerStatuses"):
                unready = (one for one in status.get(kind) or [] if not one.get("ready"))
                found += [f"{name}: {_container_problem(container)}" for container in unready]
        return "; ".join(line for line in found if line)[:800]

    @property
    def _selector(self) -> Mapping[str, str]:
        return dict(self.content["spec"]["selector"].get("matchLabels") or {})

    def _replica_sets(self, cluster: Cluster) -> list[Json]:
        uid = self.content["metadata"]["uid"]
        return [
            found
            for found in cluster.list_of("replicasets", self._selector)
            if any(owner["uid"] == uid for owner in found["metadata"].get("ownerReferences") or [])
        ]

    def _pods(self, cluster: Cluster) -> list[Json]:
        current = self.current_replica_set(cluster)
        if current is None:
            return []
        # The controller sets this label: pods of other Deployments never match.
        selector = {**self._selector, _HASH_LABEL: current["metadata"]["labels"][_HASH_LABEL]}
        return [
            pod for pod in cluster.list_of("pods", selector) if not pod["metadata"].get("deletionTimestamp")
        ]


def _container_problem(container: Json) -> str:
    """Describe why a container is not ready."""
    state, last = container.get("state") or {}, (container.get("lastState") or {}).get("terminated") or {}
    now = state.get("waiting") or state.get("terminated") or {}
    terminated = state.get("terminated") or last
    # With FallbackToLogsOnError the message is the end of the log; the last line states the cause.
    lines = str(terminated.get("message") or now.get("message") or "").strip().splitlines()
    last_line = " ".join(lines[-1].split()) if lines else ""
    code = f"exit code {terminated['exitCode']}" if "exitCode" in terminated else ""
    parts = [str(now.get("reason") or "running, not ready"), code, last_line]
    return ", ".join(part for part in parts if part)
