"""Settings of store."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


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
