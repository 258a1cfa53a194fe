"""Use the store as DVC's remote: configured from settings at run time, credentials from the environment.

The remote is written to .dvc/config.local, which git does not track and which contains no secret.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from configparser import ConfigParser
from pathlib import Path

from chatbot.errors import ChatbotError, Missing
from chatbot.files import replacing
from chatbot.settings import StorageSettings
from chatbot.store import layout, open_store

ROOT = Path(__file__).resolve().parents[2]
REMOTE = "store"
_SECONDS = 1800
_ADVICE = "Having any troubles?"
_FULL = "disk is full"
"""Message of SQLite, which DVC uses for its state, on a full disk."""
_CONFIG = ".dvc/config"
_LOCAL = ".dvc/config.local"
_AWS = "aws-config"


class DvcFailed(ChatbotError):
    """DVC failed; the message includes its output."""

    status = 503
    type = "dvc"


def remote_of(settings: StorageSettings) -> dict[str, str]:
    """Return the remote's options for DVC's configuration."""
    if not settings.url.startswith("s3://"):
        return {"url": str(Path(settings.url).absolute() / layout.DVC)}
    options = {
        "url": f"{settings.url.rstrip('/')}/{layout.DVC}",
        "connect_timeout": str(max(1, round(settings.connect_seconds))),
        "read_timeout": str(max(1, round(settings.read_seconds))),
        # Otherwise DVC requests the bucket's location, for which a key limited to one prefix has no permission.
        "region": settings.region or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
    }
    return options | ({"endpointurl": settings.endpoint} if settings.endpoint else {})


def write_config(root: Path, settings: StorageSettings, *, local: bool) -> None:
    """Write the remote into a DVC project's configuration (atomic write).

    If `local`, to .dvc/config.local, keeping its other sections; else the project is created, without git.
    """
    file = root / (_LOCAL if local else _CONFIG)
    config = ConfigParser(interpolation=None)
    if local:
        config.read(file, encoding="utf-8")
    else:
        config["core"] = {"no_scm": "True"} | dict.fromkeys(
            ("analytics", "check_update", "autostage"), "False"
        )
    if not config.has_section("core"):
        config.add_section("core")
    config["core"]["remote"] = REMOTE
    options = remote_of(settings)
    if settings.path_style is not None and settings.url.startswith("s3://"):
        aws = root / ".dvc" / "tmp" / _AWS
        aws.parent.mkdir(parents=True, exist_ok=True)
        style = "path" if settings.path_style else "virtual"
        aws.write_text(f"[default]\ns3 =\n  addressing_style = {style}\n", encoding="utf-8")
        options["configpath"] = str(aws)
    config[f"'remote \"{REMOTE}\"'"] = options
    with replacing(file, sync=False) as draft, draft.open("w", encoding="utf-8") as stream:
        config.write(stream)


def run(root: Path, *arguments: str) -> str:
    """Run DVC in a project and return its standard output.

    Raises: DvcFailed: DVC failed; the message includes its output.
    """
    try:
        # DVC caches the remote's listing; a fresh cache folder makes it look again.
        with tempfile.TemporaryDirectory(prefix="dvc-") as memory:
            around = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": memory}
            done = call(root, arguments, around, _SECONDS)
    except subprocess.TimeoutExpired as error:
        raise DvcFailed(f"dvc {' '.join(arguments)} did not end within {_SECONDS} s") from error
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split()).partition(_ADVICE)[0].strip()
        if _FULL in said:
            places = f"{root} and {tempfile.gettempdir()}"
            said += f" (No space left on device: make room in {places}, or set TMPDIR)"
        raise DvcFailed(f"dvc {' '.join(arguments)}: {said[-1500:]}")
    return done.stdout


def call(
    root: Path, arguments: Sequence[str], environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run DVC to completion in a subprocess, which isolates its environment and its threads.

    Raises: subprocess.TimeoutExpired: it did not end in time and was killed.
    """
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def check_store(settings: StorageSettings) -> None:
    """Preflight check: send a small request to the store, whose errors are clearer than DVC's.

    Raises: StoreError: it does not answer, refuses, or the bucket does not exist.
    """
    # Not `head`: its response has no body with the reason.
    with contextlib.suppress(Missing):
        open_store(settings).get(layout.corpus_file("0" * 32))
