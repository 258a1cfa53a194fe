"""Every knob, one class a component, read from the environment and from nothing else.

A field `x` of a class with the prefix `CHATBOT_` is set by the variable `CHATBOT_X`; docs/settings.md is made
from the docstrings below (`python -m chatbot.settings`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from chatbot.errors import SettingError

S = TypeVar("S", bound=BaseSettings)


class Settings(BaseSettings):
    """What all components share: an empty variable is an unset one, a value of the wrong type stops the start."""

    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True, use_attribute_docstrings=True)


def read_settings(kind: type[S]) -> S:
    """Settings from the environment.

    Raises:
        SettingError: a variable has a value that cannot work; every such one is named.
    """
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        problems = [f"{prefix}{e['loc'][0]}".upper() + f"={e['input']!r}: {e['msg']}" for e in error.errors()]
        raise SettingError("; ".join(problems), problems) from None


class SlotSettings(Settings):
    """What the replies' slots are filled with. An empty one is refused at start if a reply needs it."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_SLOT_")

    def values(self) -> dict[str, str]:
        """Every slot by name, those too that only the replies of your own corpus use (`CHATBOT_SLOT_<NAME>`)."""
        prefix = str(self.model_config["env_prefix"])
        own = {
            name.removeprefix(prefix).lower(): value
            for name, value in os.environ.items()
            if name.startswith(prefix)
        }
        return own | {name: str(value) for name, value in self.model_dump().items()}

    company: str = "Example Shop"
    """The company's name as customers know it."""
    website: str = "https://shop.example.com"
    """The shop's address."""
    account_url: str = "https://shop.example.com/account"
    """Where customers sign in and edit their account."""
    orders_url: str = "https://shop.example.com/orders"
    """Where customers see, change and cancel orders."""
    payments_url: str = "https://shop.example.com/payments"
    """Where customers see payments and invoices."""
    returns_url: str = "https://shop.example.com/returns"
    """Where customers ask for a refund."""
    help_url: str = "https://shop.example.com/help"
    """The help centre."""
    support_email: str = "support@example.com"
    """Where support reads e-mail."""
    support_phone: str = "+1 555 010 0199"
    """Where support answers the phone."""
    support_hours: str = "Monday to Friday, 9:00 to 18:00"
    """When people answer."""
    refund_days: str = "14 days"
    """How long a refund takes, with its unit."""
    delivery_days: str = "3 to 5 working days"
    """How long a delivery takes, with its unit."""
    cancellation_hours: str = "24 hours"
    """How long after ordering a cancellation is free, with its unit."""
    cancellation_fee: str = "10 %"
    """What a later cancellation costs."""


class RouterSettings(Settings):
    """Thresholds are learned and lie in the bundle; a value here overrides the learned one."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    answer_confidence: float | None = Field(default=None, ge=0, le=1)
    """Answer from this confidence on; unset: as the bundle says."""
    clarify_confidence: float | None = Field(default=None, ge=0, le=1)
    """Offer choices when the likeliest three together reach this; unset: as the bundle says."""
    scope: float | None = None
    """Hand over below this scope score; unset: as the bundle says."""


class ServiceSettings(Settings):
    """The API: what it loads, how much it takes at once."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    bundle: Path | None = None
    """The bundle's folder; unset: `bundle/` beside the service's code (in a Bento), else `models/current`."""
    model: str = ""
    """Which bundle of the store to serve, `<version>@<bundle digest>`: fetched by its digest before anything
    starts, checked, and served and no other. Goes before `CHATBOT_BUNDLE`; unset: the bundle of that setting."""
    model_file: Path | None = None
    """A file that says it instead: a pod's annotations as the downward API writes them
    (`support-chatbot/model-version="7@..."`), or the name alone. A file that names no model counts as unset."""
    bundle_cache: Path = Path(".cache/bundles")
    """Where fetched bundles are kept: a sound one serves while the store is away."""
    drain_seconds: float = Field(default=0.0, ge=0, le=600)
    """How long the service goes on taking connections after SIGTERM, for whoever sends it messages to hear of it:
    `/readyz` says 503, every answer says `Connection: close`. In a cluster 10 or more; SIGINT never waits."""
    listen_fd: int | None = Field(default=None, ge=3)
    """A listening socket that this process was started with, by its number, in place of `port` (`bento.keeper`)."""
    model_version: str = ""
    """What `/version` and the records call the model; unset: the first 12 digits of the bundle's digest."""
    port: int = Field(default=3000, ge=1, le=65535)
    """The API's port."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes that speak HTTP."""
    runner_workers: int = Field(default=0, ge=0, le=64)
    """Processes that encode and classify, each on one core; 0: one a core this process may use."""
    gather: bool = True
    """Gather the messages that wait at the same moment into one call of the runner."""
    max_batch: int = Field(default=64, ge=1, le=1024)
    """The most messages in one call of the runner."""
    max_concurrency: int = Field(default=256, ge=1)
    """Requests a process works on at once; one more is answered 429 with Retry-After."""
    max_body_bytes: int = Field(default=65_536, ge=1024)
    """A longer body is answered 413 before it is read."""
    max_message_chars: int = Field(default=4_000, ge=1)
    """A longer message is answered 422."""
    timeout_seconds: float = Field(default=10.0, gt=0)
    """How long a message may wait for the runner before it is answered 503."""
    prediction_key: SecretStr = SecretStr("")
    """The key under which prediction ids carry a MAC; the same on all replicas. Unset: made once and kept in
    the log's folder, readable by its owner only."""


class KeeperSettings(Settings):
    """What keeps the service on one machine (`python -m bento.keeper`) and follows serving.json in the store."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_KEEPER_")

    poll_seconds: float = Field(default=2.0, gt=0)
    """How often it asks the store what should serve."""
    start_seconds: float = Field(default=60.0, gt=0)
    """How long a new server may take until it answers; then the old one stays."""
    drain_seconds: float = Field(default=2.0, ge=0)
    """How long the old server goes on beside the new one; `CHATBOT_DRAIN_SECONDS` goes before, where it is set."""


class LogSettings(Settings):
    """The inference log."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_LOG_")

    folder: Path = Path("monitoring/data")
    """Where `inference_log.csv`, `feedback.csv` and the spool lie."""
    rotate_mb: int = Field(default=64, ge=1)
    """`inference_log.csv` is put aside and begun anew beyond this size."""
    keep: int = Field(default=10, ge=1)
    """How many put-aside files are kept; the oldest goes."""
    spool_mb: int = Field(default=256, ge=1)
    """The most the spool may hold; beyond it records are dropped and counted."""
    memory_mb: int = Field(default=8, ge=1)
    """The most a process holds in memory while the disk takes nothing; beyond it the oldest are dropped and
    counted."""


class RetentionSettings(Settings):
    """How long what lies in the store is kept (`python -m monitoring.retention`); 0 keeps it for ever."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_KEEP_")

    records_days: int = Field(default=90, ge=0)
    """Records, after the day they are of."""
    feedback_days: int = Field(default=365, ge=0)
    """Feedback, after the day it is of."""
    handoffs_days: int = Field(default=90, ge=0)
    """Handoffs, after the day they are of."""
    reports_days: int = Field(default=180, ge=0)
    """Drift and gate reports, after they were written; the latest stays."""
    bundles_days: int = Field(default=90, ge=0)
    """Bundles and their baselines that nobody names, after they were written; MLflow has the bundle still."""
    bundles: int = Field(default=5, ge=1)
    """So many of the newest bundles stay, whoever names them."""
    corpora_days: int = Field(default=0, ge=0)
    """Corpus files under DVC that no registered version and no pointer in this folder names, after they were
    pushed."""


class ShipSettings(Settings):
    """How the log gets from a replica to the object store (`CHATBOT_STORE_URL`)."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_SHIP_")

    part_rows: int = Field(default=20_000, ge=1)
    """A part is sent when so many rows wait."""
    part_seconds: float = Field(default=300.0, gt=0)
    """A part is sent when its first row has waited so long."""
    retry_seconds: float = Field(default=30.0, gt=0)
    """How long after a failure the store is asked again."""
    spool_mb: int = Field(default=256, ge=1)
    """The most that may wait in `to-store` of the log's folder; beyond it the oldest is dropped and counted."""
    close_seconds: float = Field(default=10.0, gt=0)
    """How long a stop may take to send what waits."""


class StorageSettings(Settings):
    """The object store: a folder or an S3 bucket. Credentials are not set here: S3's come from where boto3 looks
    for them (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a file, the pod's identity).
    """

    model_config = SettingsConfigDict(env_prefix="CHATBOT_STORE_")

    url: str = "store"
    """A folder, or `s3://bucket/prefix`, or `none`."""
    endpoint: str = ""
    """Where S3 answers, such as `http://minio:9000`; unset: AWS."""
    region: str = ""
    """S3's region; unset: as boto3 finds it, else `us-east-1`."""
    path_style: bool | None = None
    """Whether the bucket stands in the path and not in the host's name; unset: where an endpoint is set."""
    connect_seconds: float = Field(default=2.0, gt=0)
    """How long a connection may take."""
    read_seconds: float = Field(default=10.0, gt=0)
    """How long the store may be silent within an answer."""
    attempts: int = Field(default=3, ge=1, le=10)
    """How often a request is tried until the store counts as unreachable."""


class HandoffSettings(Settings):
    """Where a handoff goes beside the staff page."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_HANDOFF_")

    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """A webhook that every handoff is posted to as JSON; unset: handoffs lie on the staff page only."""
    secret: SecretStr = SecretStr("")
    """Signs what is posted (HMAC-SHA256, Standard Webhooks): `whsec_` and base64, or any text of 16 characters or
    more. Needed with a URL."""
    timeout_seconds: float = Field(default=10.0, gt=0)
    """How long the receiver may take for one answer."""
    retry_seconds: float = Field(default=1.0, gt=0)
    """How long to wait after the first failure; twice as long after each further one, with chance in it."""
    most_retry_seconds: float = Field(default=300.0, gt=0)
    """The longest wait between two attempts."""
    keep_hours: float = Field(default=72.0, gt=0)
    """A handoff that could not be delivered for so long is given up and counted."""
    spool_mb: int = Field(default=64, ge=1)
    """The most that undelivered handoffs may take on disk, for each of webhook and store; the oldest goes."""
    turns: int = Field(default=20, ge=0)
    """How many turns of the conversation go along, as far as the same process answered them."""
    sessions: int = Field(default=10_000, ge=0)
    """How many conversations a process remembers."""
    session_minutes: float = Field(default=60.0, gt=0)
    """How long a conversation is remembered after its last message."""


class ChatPageSettings(Settings):
    """The chat page."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_UI_")

    api_url: str = "http://127.0.0.1:3000"
    """Where the API answers."""
    address: str = "127.0.0.1"
    """The address the chat page listens on; `0.0.0.0` in a container."""
    port: int = Field(default=8501, ge=1, le=65535)
    """The chat page's port."""
    language: str = Field(default="en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    """Which file of texts the page speaks: `ui/texts/<language>.yaml`."""
    timeout_seconds: float = Field(default=15.0, gt=0)
    """How long the page waits for an answer; longer than the API waits, so that its reason is heard."""
    privacy_url: str = ""
    """The privacy notice it links; unset: the page's own."""
    starters: str = "track_order,get_refund,change_shipping_address,payment_issue"
    """Intents whose titles are offered to begin with, comma-separated; what is missing is filled up."""
    poll_seconds: float = Field(default=3.0, gt=0)
    """How often the page asks whether the API is back while it is away."""


class ReviewSettings(Settings):
    """The review queue: which messages are worth a person's minute."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_REVIEW_")

    days: float = Field(default=14.0, gt=0)
    """How far back messages are looked at."""
    confidence: float = Field(default=0.6, ge=0, le=1)
    """An answer given with less is shown; what the bot asked back on or handed over unsure always is."""
    margin: float = Field(default=0.1, ge=0, le=1)
    """Two intents that are this close in confidence are a near tie."""
    most: int = Field(default=3_000, ge=1)
    """The most distinct messages that are looked at for near-duplicates and clusters: those most worth it."""
    cluster_size: int = Field(default=5, ge=2)
    """The fewest distinct messages that make a cluster."""
    cluster_similarity: float = Field(default=0.45, gt=0, lt=1)
    """How alike the messages of a cluster are: their mean cosine."""


class StaffSettings(Settings):
    """The staff pages: review, handoffs, drift, versions. Not for customers."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_STAFF_")

    address: str = "127.0.0.1"
    """The address the staff pages listen on; any other than a loopback address needs a login."""
    port: int = Field(default=8502, ge=1, le=65535)
    """The staff pages' port."""
    token: SecretStr = SecretStr("")
    """Whoever knows it may come in: 16 characters or more (`openssl rand -hex 32`)."""
    session_hours: float = Field(default=12.0, gt=0)
    """How long a login by token lasts."""
    oidc_secrets: Path | None = None
    """A file with Streamlit's `[auth]` section (`redirect_uri`, `cookie_secret`, `client_id`, `client_secret`,
    `server_metadata_url`): people log in with your OpenID Connect provider, and no token is asked for."""
    oidc_allowed: str = ""
    """Who may come in by OpenID Connect: e-mail addresses and `@domains`, comma-separated. Needed with it."""
    oidc_trusts_addresses: bool = False
    """Let in who has such an address also where the provider does not say that it is verified: only one of your own."""
    refresh_seconds: float = Field(default=30.0, gt=0)
    """How old what the pages show may be."""


class CodeSettings(Settings):
    """What the code says of itself where there is no checkout to ask."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    git_commit: str = ""
    """The commit that an image was built from: its build sets it; in a checkout git is asked."""


class DriftSettings(Settings):
    """The drift check, and the retraining it may ask for on one machine."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_DRIFT_")

    window_hours: float = Field(default=24.0, gt=0)
    """How far back the window reaches."""
    least_records: int = Field(default=500, ge=100)
    """With fewer records of the serving version in the window the check is silent."""
    baseline_records: int = Field(default=2_000, ge=500)
    """So many of a version's first records are its baseline: frozen once, then what windows are compared with."""
    scale: float = Field(default=1.0, gt=0)
    """Of all least effects that matter: 2 asks for effects twice as large, 0.5 alarms earlier."""
    skew_seconds: float = Field(default=300.0, ge=0)
    """A record whose time lies further ahead than this comes from a wrong clock: left out and counted."""
    pushgateway: str = ""
    """Where Prometheus metrics are pushed to, such as `http://pushgateway:9091`; unset: nowhere."""
    textfile: Path | None = None
    """A file for node_exporter's textfile collector; unset: `drift.prom` beside the report."""
    api_url: str = ""
    """The bot's address, asked which bundle serves (`/version`); unset: `CHATBOT_MODEL` or the store says."""
    cooldown_hours: float = Field(default=24.0, ge=0)
    """The least time between two retrainings that `monitoring.retrain_if_needed` asks for."""


class TrackingSettings(Settings):
    """Where training runs are recorded and versions registered: MLflow's own variables, and a few beside them."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_")

    tracking_uri: str = "sqlite:///mlruns/mlflow.db"
    """MLflow's server, or a local database."""
    experiment: str = "support-chatbot"
    """The experiment that runs are filed under."""
    model: str = "support-chatbot"
    """The registered model whose versions are champion and challenger."""
    unsent: Path = Path("models/unsent")
    """Where a run is kept while the server cannot be reached; `python -m training.send` sends it."""
    http_request_timeout: int = Field(default=30, ge=1)
    """Seconds that the server may be silent within a request."""
    http_request_max_retries: int = Field(default=2, ge=0)
    """How often a request is repeated."""
    http_request_backoff_factor: int = Field(default=1, ge=0)
    """Seconds before the first repetition, then twice as long each time."""


class RetrainSettings(Settings):
    """The retraining."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_RETRAIN_")

    lease_seconds: float = Field(default=60.0, ge=1)
    """One retraining at a time: the lease of one that was killed on another machine is taken over after so long."""


class MlflowServerSettings(Settings):
    """The MLflow server that `python -m training.mlflow_server` starts: runs, registry, artifact proxy."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_MLFLOW_")

    address: str = "127.0.0.1"
    """The address it listens on; `0.0.0.0` in a container."""
    port: int = Field(default=5000, ge=1, le=65535)
    """Its port."""
    backend: str = "sqlite:///mlruns/mlflow.db"
    """The database of runs and versions. A SQLite file of an older MLflow is copied beside itself and upgraded."""
    artifacts: str = ""
    """Where it keeps artifacts: a folder or `s3://bucket/prefix`; unset: `mlflow/` in the store."""
    allowed_hosts: str = ""
    """Names under which clients reach it, comma-separated, each with its port or `:*`; others are answered 403.
    Unset: this machine and private addresses."""
    workers: int = Field(default=1, ge=1, le=16)
    """Processes that answer."""


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
