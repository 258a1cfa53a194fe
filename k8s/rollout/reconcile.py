"""Annotation, alias and metric say the same: the annotation is right, the others follow."""

from __future__ import annotations

from chatbot.model_ref import ModelRef
from chatbot.settings import KubernetesSettings
from k8s.api.client import Cluster
from k8s.api.deployment import Deployment
from k8s.api.lease import Lease
from k8s.mlflow_api import MlflowApi, UnknownVersion
from k8s.rollout import events, metrics, state
from k8s.rollout.pods import PodReader
from k8s.rollout.state import Outcome, words


def serving_digest(deployment: Deployment, cluster: Cluster, settings: KubernetesSettings) -> str:
    """Of the bundle that should serve; empty: pods of different images run, or none answers."""
    if deployment.model:
        return ModelRef.parse(deployment.model).digest
    reader = PodReader(settings.api_port, settings.request_seconds, cluster.outside)
    found = set(reader.digests(deployment.pods(cluster)).values()) - {""}
    return found.pop() if len(found) == 1 else ""


def registered(
    deployment: Deployment, cluster: Cluster, registry: MlflowApi, settings: KubernetesSettings
) -> str:
    """The registry's version of what should serve; empty: it has none.

    Where the annotation names none, the pods say which bundle they took from their image.
    """
    digest = serving_digest(deployment, cluster, settings)
    if not digest:
        return ""
    if deployment.model:
        ref = ModelRef.parse(deployment.model)
        try:
            if ref.version.isdecimal() and registry.ref(ref.version).digest == digest:
                return ref.version
        except UnknownVersion:
            pass
    if version := registry.version_of(digest):
        return version
    events.event(
        cluster,
        deployment,
        "ModelNotRegistered",
        f"{words(deployment.model)} serves and the registry does not know it ({digest[:12]}): the alias stays",
        "Warning",
    )
    return ""


def wrong_model(deployment: Deployment, cluster: Cluster, settings: KubernetesSettings) -> str:
    """Which pod serves another bundle than the annotation names; empty: none does."""
    if not deployment.model:
        return ""
    wanted = ModelRef.parse(deployment.model).digest
    reader = PodReader(settings.api_port, settings.request_seconds, cluster.outside)
    for pod, digest in reader.digests(deployment.pods(cluster)).items():
        if digest and digest != wanted:
            return f"pod {pod} serves the bundle {digest[:12]} and was told {wanted[:12]}"
    return ""


def agree(
    deployment: Deployment, cluster: Cluster, registry: MlflowApi, settings: KubernetesSettings, lease: Lease
) -> None:
    """Let alias and metric follow the annotation; what was champion is not promoted again by itself.

    Raises:
        ChatbotError: the registry or the API server does not answer.
    """
    metrics.push_desired_model(settings, deployment.model, cluster.outside)
    version = registered(deployment, cluster, registry, settings)
    champion = registry.champion()
    if not version or version == champion:
        return
    lease.check()
    if champion:
        try:
            gone = state.with_taken_back(deployment.annotations, str(registry.ref(champion)))
            cluster.patch_deployment(deployment.name, {"metadata": {"annotations": gone}})
        except UnknownVersion:
            pass
    registry.make_champion(version)
    events.event(
        cluster,
        deployment,
        "ChampionFollows",
        f"{words(deployment.model)} serves and was not champion: the alias moved from version "
        f"{champion or 'none'} to {version}",
    )
    metrics.push_outcome(settings, Outcome.SUPERSEDED, cluster.outside)
