"""Run a real MinIO for tests: start, stop, kill, freeze, restart; each on a free port and a fresh folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import boto3

from chatbot.settings import StorageSettings
from chatbot.store import make_bucket
from tests.support import requirements
from tests.support.server_process import ServerProcess


class Minio(ServerProcess):
    """One server. `environment` is what a client process needs; `new_bucket` creates a store in it."""

    ready_path = "/minio/health/cluster"

    def __init__(self, folder: Path) -> None:
        """Configure the server without starting it; its data and output are in the folder."""
        super().__init__(folder)
        self.user = "test-" + secrets.token_hex(4)
        self.password = secrets.token_hex(16)

    def command(self) -> Sequence[object]:
        (self.folder / "data").mkdir(exist_ok=True)
        listen = ("--address", f"127.0.0.1:{self.port}", "--quiet")
        return [requirements.program("minio"), "server", self.folder / "data", *listen]

    def variables(self) -> Mapping[str, str]:
        own = {"MINIO_ROOT_USER": self.user, "MINIO_ROOT_PASSWORD": self.password, "MINIO_BROWSER": "off"}
        return os.environ | own | {"HOME": str(self.folder)}

    @property
    def credentials(self) -> dict[str, str]:
        """Return the root credentials as environment variables."""
        return {"AWS_ACCESS_KEY_ID": self.user, "AWS_SECRET_ACCESS_KEY": self.password}

    def environment(self, url: str) -> dict[str, str]:
        """Return the environment a process needs to use the store `s3://bucket/prefix` in this server."""
        return {"CHATBOT_STORE_URL": url, "CHATBOT_STORE_ENDPOINT": self.url, **self.credentials}

    def settings(self, url: str, **others: object) -> StorageSettings:
        """Return the same as settings for this process; the credentials must be in its environment."""
        return StorageSettings(url=url, endpoint=self.url, **others)  # type: ignore[arg-type]

    def new_bucket(self) -> str:
        """Create a bucket for a test; returns its `s3://` URL. Needs the credentials in the environment."""
        url = f"s3://test-{secrets.token_hex(6)}"
        make_bucket(self.settings(url))
        return url

    def drop(self, url: str) -> None:
        """Delete a bucket and its content. Needs the credentials in the environment."""
        found = boto3.resource("s3", endpoint_url=self.url, region_name="us-east-1").Bucket(
            urlsplit(url).netloc
        )
        found.objects.all().delete()
        found.delete()
