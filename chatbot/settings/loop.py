"""Define the settings of the loop: drift check, retraining, tracking, code version."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class DriftSettings(Settings):
    """The drift check."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_DRIFT_")

    window_hours: float = Field(default=24.0, gt=0)
    """Length of the window."""
    min_records: int = Field(default=500, ge=100)
    """Minimum number of records of the serving version in the window; with fewer, the check is silent."""
    baseline_records: int = Field(default=2_000, ge=500)
    """Number of first records of a version that form its baseline: frozen once, then compared with every
    window."""
    min_effect_scale: float = Field(default=1.0, gt=0)
    """Factor on all minimum effects: 2 requires effects twice as large, 0.5 alarms earlier."""
    skew_seconds: float = Field(default=300.0, ge=0)
    """Records dated further in the future than this come from a wrong clock: left out and counted."""
    textfile: Path | None = None
    """File for node_exporter's textfile collector; unset: `drift.prom` beside the report."""
    api_url: str = ""
    """Address of the bot, whose `/version` names the served bundle; unset: `CHATBOT_MODEL` or the store."""


class LoopSettings(Settings):
    """What the drift check, the retraining that it requests and the rollout share, in a cluster and on one machine."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_LOOP_")

    cooldown_hours: float = Field(default=24.0, ge=0)
    """Minimum time between two retrainings requested because of drift."""
    pushgateway: str = ""
    """Address of the Prometheus Pushgateway that receives a run's outcome, such as `http://pushgateway:9091`; unset:
    none."""


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
    workers: int = Field(default=1, ge=1, le=16)
    """Number of server processes."""


class CodeSettings(Settings):
    """Git commit of the code, for images, which contain no checkout."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    git_commit: str = ""
    """The commit that an image was built from: its build sets it; in a checkout git is asked."""
