"""Reconciles the MLflow alias and the metric with the Deployment's annotation, the source of truth."""

from __future__ import annotations

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


def serving_digest(deployment: Deployment, cluster: Cluster, settings: KubernetesSettings) -> str:
    """Return the digest of the bundle that should serve; empty: the pods run different images, or none answers."""
    if deployment.desired_model:
        return ModelRef.parse(deployment.desired_model).digest
    reader = PodReader(settings, cluster.runtime)
    found = set(reader.bundle_digests(deployment.pods(cluster)).values()) - {""}
    return found.pop() if len(found) == 1 else ""


def registered_version(
    deployment: Deployment, cluster: Cluster, registry: RegistryClient, settings: KubernetesSettings
) -> str:
    """Return the registry's version of the bundle that should serve; empty: it is not registered.

    If the annotation is absent, the pods report which bundle they took from their image.
    """
    digest = serving_digest(deployment, cluster, settings)
    if not digest:
        return ""
    if deployment.desired_model:
        ref = ModelRef.parse(deployment.desired_model)
        try:
            if ref.version.isdecimal() and registry.ref(ref.version).digest == digest:
                return ref.version
        except NotRegistered:
            pass
    if version := registry.version_of(digest):
        return version
    events.emit(
        cluster,
        deployment,
        "ModelNotRegistered",
        f"{describe(deployment.desired_model)} serves and the registry does not know it "
        f"({digest[:12]}): the alias stays",
        "Warning",
    )
    return ""


def wrong_model(deployment: Deployment, cluster: Cluster, settings: KubernetesSettings) -> str:
    """Return a sentence about a pod that serves another bundle than the annotation names; empty if all agree."""
    if not deployment.desired_model:
        return ""
    desired = ModelRef.parse(deployment.desired_model).digest
    reader = PodReader(settings, cluster.runtime)
    for pod, digest in reader.bundle_digests(deployment.pods(cluster)).items():
        if digest and digest != desired:
            return f"pod {pod} serves the bundle {digest[:12]} instead of {desired[:12]}"
    return ""


def reconcile(
    snapshot: Snapshot[Deployment],
    cluster: Cluster,
    registry: RegistryClient,
    settings: KubernetesSettings,
    lease: Lease,
    gateway: PushgatewayClient,
) -> None:
    """Make alias and metric follow the annotation, and block automatic promotion of the former champion. Idempotent."""
    deployment = snapshot.version
    metrics.push_desired_model(gateway, deployment.desired_model)
    version = registered_version(deployment, cluster, registry, settings)
    champion = registry.aliases().get(CHAMPION, "")
    if not version or version == champion:
        return
    lease.check()
    if champion:
        try:
            blocked = record.dump_blocked(block(snapshot.blocked, str(registry.ref(champion))))
            cluster.patch_deployment(deployment.name, {"metadata": {"annotations": blocked}})
        except NotRegistered:
            pass
    registry.set_alias(CHAMPION, version)
    events.emit(
        cluster,
        deployment,
        "ChampionFollows",
        f"{describe(deployment.desired_model)} serves and was not champion: the alias moved from version "
        f"{champion or 'none'} to {version}",
    )
    metrics.push_outcome(gateway, RolloutOutcome.SUPERSEDED)
