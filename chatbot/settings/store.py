"""Define the settings of the object store."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class StorageSettings(Settings):
    """The object store: a folder or an S3 bucket. S3 credentials are not set here but where boto3 reads them
    (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a file, the pod's identity).
    """

    model_config = SettingsConfigDict(env_prefix="CHATBOT_STORE_")

    url: str = "store"
    """A folder, `s3://bucket/prefix`, or `none`."""
    endpoint: str = Field(default="", pattern=r"^(https?://\S+)?$")
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
