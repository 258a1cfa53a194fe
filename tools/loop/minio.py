"""Run MinIO for the loop: the `minio` program if installed, else its image with docker or podman."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import yaml

from chatbot.errors import SettingError
from tools.generate.chart import find_program
from tools.processes import ROOT

USER = "loop"
_INSTALL = (
    "MinIO is needed: put its program `minio` on the PATH (https://min.io, or `brew install minio`), or install "
    "docker or podman; or play the loop with a folder in its place: make loop STORE=folder"
)


def image() -> str:
    """Return the image that compose.yaml pins."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return str(services["minio"]["image"]).removeprefix("${MINIO_IMAGE:-").removesuffix("}")


def command(data: Path, port: int, console: int) -> list[str]:
    """Return the command that starts MinIO with its data in a local folder; credentials are passed as environment.

    Raises:
        SettingError: neither the program nor docker nor podman is installed; says what to install.
    """
    data.mkdir(parents=True, exist_ok=True)
    listen = ["--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{console}", "--quiet"]
    if found := find_program("minio"):
        return [found, "server", str(data), *listen]
    runtime = shutil.which("docker") or shutil.which("podman")
    if runtime is None:
        raise SettingError(_INSTALL)
    # Without --network=host, 127.0.0.1 would be the container's own loopback.
    return [
        *(runtime, "run", "--rm", "--network=host", "--name", f"support-chatbot-loop-minio-{port}"),
        *("-e", "MINIO_ROOT_USER", "-e", "MINIO_ROOT_PASSWORD", "-v", f"{data.resolve()}:/data"),
        *("--user", f"{os.getuid()}:{os.getgid()}", "--entrypoint", "minio", image()),
        *("server", "/data", *listen),
    ]


def store_settings(port: int, password: str) -> dict[str, str]:
    """Return the environment variables of every client of this store."""
    return {
        "CHATBOT_STORE_URL": "s3://support-chatbot",
        "CHATBOT_STORE_ENDPOINT": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": USER,
        "AWS_SECRET_ACCESS_KEY": password,
    }
