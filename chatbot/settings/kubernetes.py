"""Settings of kubernetes."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class KubernetesSettings(Settings):
    """What acts on the cluster: `k8s.trigger`, `k8s.promote`, `k8s.rollback`."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_K8S_")

    kubeconfig: Path | None = None
    """A kubeconfig file; unset: the pod's own account, and outside a pod what kubectl uses."""
    namespace: str = ""
    """Where everything below lies; unset: the pod's own namespace, or the kubeconfig's."""
    request_seconds: float = Field(default=10.0, gt=0)
    """How long the API server, a pod, MLflow or the pushgateway may take for one answer."""
    patience_seconds: float = Field(default=120.0, ge=0)
    """How long an API server or an MLflow that does not answer is asked again, until the run gives up."""
    cronjob: str = "support-chatbot-retrain"
    """The suspended CronJob whose template every retrain Job is made from."""
    trigger_lease: str = "support-chatbot-trigger"
    """The Lease that one trigger at a time holds; the chart makes it."""
    cooldown_hours: float = Field(default=24.0, ge=0)
    """The least time between two retrainings that drift asks for."""
    verdict: Path | None = None
    """The drift verdict that the container before left; unset: `reports/drift/latest.json` of the store."""
    deployment: str = "support-chatbot-api"
    """The Deployment of the API, whose pods serve the model that its annotation names."""
    promote_lease: str = ""
    """The Lease that one promotion or rollback at a time holds; unset: the Deployment's, `-promote` for `-api`."""
    lease_seconds: float = Field(default=30.0, ge=3)
    """A Lease that was not renewed for so long is taken over: its holder is gone."""
    retrain_result: Path = Path("models/retrain/retrain.json")
    """What the retraining before it said."""
    api_port: int = Field(default=3000, ge=1, le=65535)
    """The API's port in its pods."""
    rollout_seconds: float = Field(default=900.0, gt=0)
    """How long a rollout may take until it is taken back."""
    watch_seconds: float = Field(default=600.0, ge=0)
    """How long the new version's own metrics are watched before it becomes champion."""
    watch_most_seconds: float = Field(default=3600.0, ge=0)
    """How long it is watched at most where messages are too few to tell."""
    watch_messages: int = Field(default=300, ge=1)
    """With fewer messages the watch goes on until `watch_most_seconds`."""
    watch_every_seconds: float = Field(default=10.0, gt=0)
    """How often the pods' metrics are read meanwhile."""
    false_alarm: float = Field(default=0.01, gt=0, lt=0.5)
    """The most that a version as good as the one before it is taken back by chance, over all measures and looks."""
    error_rise: float = Field(default=0.01, ge=0, lt=1)
    """Taken back if the share of failed messages (5xx) rose by at least this, and not by chance."""
    slow_rise: float = Field(default=0.05, ge=0, lt=1)
    """The same for the share of messages that took longer than 99 in 100 did with the version before."""
    handoff_rise: float = Field(default=0.10, ge=0, lt=1)
    """The same for the share of replies that hand over to a person."""
    negative_rise: float = Field(default=0.15, ge=0, lt=1)
    """The same for the share of feedback that says a reply did not help."""
    pushgateway: str = ""
    """Where a pushgateway takes what became of a run, such as `http://pushgateway:9091`; unset: nowhere."""

    @property
    def promotion_lock(self) -> str:
        """The name of that Lease."""
        return self.promote_lease or f"{self.deployment.removesuffix('-api')}-promote"
