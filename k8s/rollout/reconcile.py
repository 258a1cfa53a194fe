"""Reconciles the MLflow alias and the metric with the Deployment's annotation, the source of truth."""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.loop.pushgateway import PushgatewayClient
from chatbot.loop.registry import CHAMPION, NotRegistered, RegistryClient
from chatbot.loop.rollout.machine import Snapshot
from chatbot.loop.rollout.state import RolloutOutcome, block
from chatbot.model.ref import ModelRef
from chatbot.settings import KubernetesSettings
from chatbot.store.lease import Lease
from k8s.api.client import Cluster
from k8s.api.deployment import Deployment
from k8s.rollout import events, metrics, record
from k8s.rollout.pods import PodReader
from k8s.rollout.record import describe


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Compares what a Deployment's annotation names with its pods and the registry."""

    cluster: Cluster
    registry: RegistryClient
    settings: KubernetesSettings

    def serving_digest(self, deployment: Deployment) -> str:
        """Return the digest of the bundle that should serve; empty: the pods run different images, or none answers."""
        if deployment.desired_model:
            return ModelRef.parse(deployment.desired_model).digest
        found = set(self._bundle_digests(deployment).values()) - {""}
        return found.pop() if len(found) == 1 else ""

    def wrong_model(self, deployment: Deployment) -> str:
        """Return a sentence about a pod that serves another bundle than the annotation names; empty if all agree."""
        if not deployment.desired_model:
            return ""
        desired = ModelRef.parse(deployment.desired_model).digest
        for pod, digest in self._bundle_digests(deployment).items():
            if digest and digest != desired:
                return f"pod {pod} serves the bundle {digest[:12]} instead of {desired[:12]}"
        return ""

    def registered_version(self, deployment: Deployment) -> str:
        """Return the registry's version of the bundle that should serve; empty: it is not registered.

        If the annotation is absent, the pods report which bundle they took from their image.
        """
        digest = self.serving_digest(deployment)
        if not digest:
            return ""
        if deployment.desired_model:
            ref = ModelRef.parse(deployment.desired_model)
            try:
                if ref.version.isdecimal() and self.registry.ref(ref.version).digest == digest:
                    return ref.version
            except NotRegistered:
                pass
        if version := self.registry.version_of(digest):
            return version
        sentence = (
            f"{describe(deployment.desired_model)} serves and the registry does not know it ({digest[:12]}): "
            "the alias stays"
        )
        events.emit(self.cluster, deployment, "ModelNotRegistered", sentence, "Warning")
        return ""

    def is_new(self, snapshot: Snapshot[Deployment]) -> bool:
        """Whether no model has been set in the Deployment since it exists, as after an installation."""
        return snapshot.rollout is None and not snapshot.version.has_named_a_model(self.cluster)

    def reconcile(self, snapshot: Snapshot[Deployment], lease: Lease, gateway: PushgatewayClient) -> str:
        """Make alias and metrics follow the annotation, and block automatic promotion of the former champion.

        A new Deployment demotes no retrained champion: it lost the annotation that named it with the former Deployment.
        Idempotent.

        Returns: the number of that champion, which no model names yet; empty if there is none.
        """
        deployment = snapshot.version
        metrics.push_desired_model(gateway, deployment.desired_model)
        metrics.push_deadline(gateway, snapshot.rollout, self.settings)
        version = self.registered_version(deployment)
        champion = self.registry.aliases().get(CHAMPION, "")
        if not version or version == champion:
            return ""
        if champion and self.is_new(snapshot) and self._is_retrained(champion):
            return champion
        lease.check()
        if champion:
            try:
                blocked = record.dump_blocked(block(snapshot.blocked, str(self.registry.ref(champion))))
                patch = {"metadata": {"annotations": blocked}}
                self.cluster.patch("deployments", deployment.name, patch)
            except NotRegistered:
                pass
        self.registry.set_alias(CHAMPION, version)
        sentence = (
            f"{describe(deployment.desired_model)} serves and was not champion: the alias moved from version "
            f"{champion or 'none'} to {version}"
        )
        events.emit(self.cluster, deployment, "ChampionFollows", sentence)
        metrics.push_outcome(gateway, RolloutOutcome.SUPERSEDED)
        return ""

    def _is_retrained(self, version: str) -> bool:
        try:
            return self.registry.version(version).is_retrained
        except NotRegistered:
            return False

    def _bundle_digests(self, deployment: Deployment) -> dict[str, str]:
        reader = PodReader(self.settings, self.cluster.runtime)
        return reader.bundle_digests(deployment.pods(self.cluster))
