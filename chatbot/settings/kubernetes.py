"""Define the settings of the commands in a cluster."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class KubernetesSettings(Settings):
    """Commands that act on the cluster: `k8s.trigger`, `k8s.promote`, `k8s.rollback`."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_K8S_")

    kubeconfig: Path | None = None
    """Path of a kubeconfig; unset: the pod's service account, and outside a pod kubectl's configuration."""
    namespace: str = ""
    """Namespace of all resources below; unset: the pod's own, or the kubeconfig's."""
    request_seconds: float = Field(default=10.0, gt=0)
    """Timeout of a request to the API server, a pod, MLflow or the Pushgateway."""
    patience_seconds: float = Field(default=120.0, ge=0)
    """How long requests to an unavailable API server or MLflow are retried before the run fails."""
    cronjob: str = "support-chatbot-retrain"
    """Suspended CronJob whose template is used for every retrain Job."""
    trigger_lease: str = "support-chatbot-trigger"
    """Lease held by the one running trigger; created by the chart."""
    verdict: Path | None = None
    """Drift verdict written by the init container; unset: `reports/drift/latest.json` in the store."""
    deployment: str = "support-chatbot-api"
    """Deployment of the API, whose annotation names the model to serve."""
    promote_lease: str = ""
    """Lease held by the one running promotion or rollback; unset: derived from the Deployment's name,
    `-promote` instead of `-api`."""
    lease_seconds: float = Field(default=30.0, ge=3)
    """Lease expiry: a Lease that was not renewed for this long is taken over."""
    retrain_result: Path = Path("models/retrain/retrain.json")
    """Result file of the preceding retraining."""
    api_port: int = Field(default=3000, ge=1, le=65535)
    """Port of the API in its pods."""
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port of `/metrics` in them (`CHATBOT_METRICS_PORT`); 0: the API's."""
    rollout_seconds: float = Field(default=900.0, gt=0)
    """Maximum duration of a rollout; then it is rolled back."""
    watch_seconds: float = Field(default=600.0, ge=0)
    """Minimum duration of the analysis of the new version's metrics before it becomes champion."""
    watch_max_seconds: float = Field(default=3600.0, ge=0)
    """Maximum duration of the analysis if there are too few messages."""
    watch_messages: int = Field(default=300, ge=1)
    """Minimum number of messages; with fewer, the analysis continues until `watch_max_seconds`."""
    watch_every_seconds: float = Field(default=10.0, gt=0)
    """Interval at which the analysis reads the pods' metrics."""
    false_alarm: float = Field(default=0.01, gt=0, lt=0.5)
    """Maximum probability that an equally good version is rolled back by chance, over all metrics and looks."""
    error_rise: float = Field(default=0.01, ge=0, lt=1)
    """Rolled back if the share of failed messages (5xx) rises significantly by at least this much."""
    slow_rise: float = Field(default=0.05, ge=0, lt=1)
    """The same for the share of messages slower than the previous version's 99th percentile, if the rise is sustained:
    in more than half of the blocks of 20 messages, so that a stall of the node is not taken for a slower model."""
    handoff_rise: float = Field(default=0.10, ge=0, lt=1)
    """The same for the share of replies that hand over."""
    negative_rise: float = Field(default=0.15, ge=0, lt=1)
    """The same for the share of negative feedback."""

    @property
    def promotion_lease(self) -> str:
        """Name of the Lease that excludes a second promotion or rollback: `promote_lease`, or its default."""
        return self.promote_lease or f"{self.deployment.removesuffix('-api')}-promote"
