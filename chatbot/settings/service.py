"""Settings of service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


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
