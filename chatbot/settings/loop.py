"""Define the settings of drift check, retraining, registry and rollout."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import HTTP_ADDRESS, Settings


class CodeSettings(Settings):
    """Git commit of the code, for images, which contain no checkout."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    git_commit: str = ""
    """The commit that an image was built from: its build sets it; in a checkout git is asked."""


class LoopSettings(Settings):
    """What the drift check, the retraining that it requests and the rollout share, in a cluster and on one machine."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_LOOP_")

    cooldown_hours: float = Field(default=24.0, ge=0)
    """Minimum time between two retrainings requested because of drift."""
    pushgateway: str = Field(default="", pattern=HTTP_ADDRESS)
    """Address of the Prometheus Pushgateway that receives a run's outcome, such as `http://pushgateway:9091`; unset:
    none."""


class DriftSettings(Settings):
    """The drift check."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_DRIFT_")

    window_hours: float = Field(default=24.0, gt=0)
    """Length of the window."""
    min_records: int = Field(default=500, ge=100)
    """Minimum number of records of the serving version in the window; with fewer, the check is silent."""
    baseline_records: int = Field(default=2_000, ge=500)
    """Number of records of a version's baseline, a uniform sample of its first hours: frozen once, then compared with
    every window."""
    baseline_hours: float | None = Field(default=None, ge=0)
    """Number of these first hours. If they have too few records, the period is longer. Unset: the length of the window.
    If it is shorter than the window, the daily rhythm can count as drift, and windows leave the baseline's records
    out."""
    min_effect_scale: float = Field(default=1.0, gt=0)
    """Factor on all minimum effects: 2 requires effects twice as large, 0.5 alarms earlier."""
    textfile: Path | None = None
    """File for node_exporter's textfile collector; unset: `drift.prom` beside the report."""
    api_url: str = Field(default="", pattern=HTTP_ADDRESS)
    """Address of the bot, whose `/version` names the served bundle; unset: `CHATBOT_MODEL` or the store."""

    @property
    def baseline_length(self) -> timedelta:
        """Return the length of a version's first hours, of which its baseline is a sample."""
        return timedelta(hours=self.window_hours if self.baseline_hours is None else self.baseline_hours)


class RetrainSettings(Settings):
    """Retraining."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_RETRAIN_")

    lease_seconds: float = Field(default=60.0, ge=1)
    """Lease expiry: one retraining runs at a time; the lease of one that was killed is taken over after this
    time."""


class TrackingSettings(Settings):
    """Where training runs are recorded and versions registered: MLflow's own variables and a few more."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_")

    tracking_uri: str = "sqlite:///mlruns/mlflow.db"
    """MLflow server, or a local database."""
    tracking_username: str = ""
    """User of an MLflow server that requires a login; unset: no login, or `MLFLOW_TRACKING_TOKEN`."""
    tracking_password: SecretStr = SecretStr("")
    """The user's password."""
    tracking_token: SecretStr = SecretStr("")
    """Bearer token in place of user and password."""
    experiment: str = "support-chatbot"
    """Experiment of the runs."""
    model: str = "support-chatbot"
    """Registered model whose versions are champion and challenger."""
    unsent: Path = Path("models/unsent")
    """Folder of runs recorded while the server was unavailable; `python -m training.send` sends them."""
    http_request_timeout: int = Field(default=30, ge=1)
    """Timeout of a request, in seconds."""
    http_request_max_retries: int = Field(default=2, ge=0)
    """Number of retries of a request."""


class MlflowServerSettings(Settings):
    """The MLflow server that `python -m training.mlflow_server` starts: runs, registry, artifact proxy."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_MLFLOW_")

    address: str = "127.0.0.1"
    """Address it listens on; `0.0.0.0` in a container."""
    port: int = Field(default=5000, ge=1, le=65535)
    """Its port."""
    backend: str = "sqlite:///mlruns/mlflow.db"
    """Database of runs and versions. A SQLite file of an older MLflow is backed up beside itself and upgraded."""
    artifacts: str = ""
    """Location of artifacts: a folder or `s3://bucket/prefix`; unset: `mlflow/` in the store."""
    allowed_hosts: str = ""
    """Host names under which clients may reach it, comma-separated, each with its port or `:*`; others get 403.
    Unset: this machine and private addresses."""


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
    def longest_watch_seconds(self) -> float:
        """Maximum duration of the analysis: `watch_max_seconds`, unless the minimum is longer."""
        return max(self.watch_seconds, self.watch_max_seconds)

    @property
    def promotion_lease(self) -> str:
        """Name of the Lease that excludes a second promotion or rollback: `promote_lease`, or its default."""
        return self.promote_lease or f"{self.deployment.removesuffix('-api')}-promote"
