"""Define the settings of records and of the object store."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import HTTP_ADDRESS, Settings


class LogSettings(Settings):
    """The inference log."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_LOG_")

    folder: Path = Path("monitoring/data")
    """Folder of `inference_log.csv`, `feedback.csv` and the spool."""
    rotate_mb: int = Field(default=64, ge=1)
    """Size at which `inference_log.csv` is rotated."""
    adopt: bool = False
    """Adopt the queues of replicas that ended: the folder is one of several on a volume that all replicas share, named
    after its replica."""
    keep: int = Field(default=10, ge=1)
    """Number of rotated files kept; older ones are deleted."""
    spool_mb: int = Field(default=256, ge=1)
    """Maximum size of the spool; beyond it records are dropped and counted."""
    memory_mb: int = Field(default=8, ge=1)
    """Maximum size of a process's in-memory buffer while the disk is not writable; beyond it the oldest records
    are dropped and counted."""


class UploadSettings(Settings):
    """Upload of the inference log from a replica to the object store (`CHATBOT_STORE_URL`)."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_UPLOAD_")

    part_rows: int = Field(default=20_000, ge=1)
    """A part is uploaded when this many rows wait."""
    part_seconds: float = Field(default=300.0, gt=0)
    """A part is uploaded when its first row has waited this long."""
    retry_seconds: float = Field(default=30.0, gt=0)
    """Delay before the next attempt after a failure."""
    queue_mb: int = Field(default=256, ge=1)
    """Maximum size of the upload queue (`to-store` in the log folder); beyond it the oldest rows are dropped
    and counted."""
    close_seconds: float = Field(default=10.0, gt=0)
    """Maximum time to upload the queue at shutdown, with retries. The chart sets 120 and derives the grace
    period from it."""


class StorageSettings(Settings):
    """The object store: a folder or an S3 bucket. S3 credentials are not set here but where boto3 reads them
    (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a file, the pod's identity).
    """

    model_config = SettingsConfigDict(env_prefix="CHATBOT_STORE_")

    url: str = "store"
    """A folder, `s3://bucket/prefix`, or `none`."""
    endpoint: str = Field(default="", pattern=HTTP_ADDRESS)
    """S3 endpoint, such as `http://minio:9000`; unset: AWS."""
    region: str = ""
    """S3 region; unset: boto3's configuration, else `us-east-1`."""
    path_style: bool | None = None
    """Whether the bucket is part of the path instead of the host name; unset: only if an endpoint is set."""
    connect_seconds: float = Field(default=2.0, gt=0)
    """Connect timeout."""
    read_seconds: float = Field(default=10.0, gt=0)
    """Read timeout."""
    attempts: int = Field(default=3, ge=1, le=10)
    """Attempts per request before the store counts as unavailable."""


class RetentionSettings(Settings):
    """Retention periods of the store (`python -m monitoring.retention`); 0: never deleted."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_RETENTION_")

    records_days: int = Field(default=90, ge=0)
    """Records, counted from their day."""
    feedback_days: int = Field(default=365, ge=0)
    """Feedback, counted from its day."""
    handoffs_days: int = Field(default=90, ge=0)
    """Handoffs, counted from their day."""
    contacts_days: int = Field(default=30, ge=0)
    """Contact data that customers left after a handoff, counted from its day; at most as long as the handoff."""
    reports_days: int = Field(default=180, ge=0)
    """Drift and gate reports, counted from their creation; the latest is kept."""
    bundles_days: int = Field(default=90, ge=0)
    """Unreferenced bundles and their baselines, counted from their creation; MLflow keeps a copy of the bundle."""
    bundles_min_count: int = Field(default=5, ge=1)
    """Number of newest bundles that are kept even if unreferenced."""
    corpora_days: int = Field(default=0, ge=0)
    """DVC corpus files that no registered version and no pointer in this folder references, counted from their
    upload."""
