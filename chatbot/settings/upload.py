"""Define the settings of uploads to the log store."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


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
    """Maximum time to upload the queue at shutdown, with retries. The chart derives it from the grace period."""
