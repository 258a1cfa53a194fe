"""The loop's real parts: MinIO (or a folder), MLflow, the bot under its keeper, the chat page, the staff pages."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chatbot.record_store import scan
from chatbot.records import Record
from chatbot.settings import StorageSettings, TrackingSettings
from chatbot.storage import Store, open_store
from tools.loop import minio
from tools.loop.processes import Processes, port_of
from training.registry import Registry

# What makes an API of the day's length of traffic fit into minutes: parts are sent at once, the window is the
# time since the last look, and the keeper looks twice a second what should serve. Nothing else differs from the
# defaults.
_SHIP_SECONDS = "1"
_KEEPER_SECONDS = "0.5"


@dataclass
class Parts:
    """What runs, and where it is reached."""

    processes: Processes
    links: dict[str, str]

    @property
    def api(self) -> str:
        """The bot's address."""
        return self.links["API"].removesuffix("/docs")

    @property
    def store(self) -> Store:
        """The loop's store."""
        environment = self.processes.environment
        return open_store(
            StorageSettings(
                url=environment["CHATBOT_STORE_URL"],
                endpoint=environment.get("CHATBOT_STORE_ENDPOINT", ""),
            )
        )

    @property
    def registry(self) -> Registry:
        """The loop's registry."""
        return Registry(TrackingSettings(tracking_uri=self.processes.environment["MLFLOW_TRACKING_URI"]))

    @property
    def cache(self) -> Path:
        """Where fetched bundles lie."""
        return Path(self.processes.environment["CHATBOT_BUNDLE_CACHE"])


def start_store(folder: Path, kind: str, taken: set[int]) -> Parts:
    """The store alone: MinIO, or a folder; `make_bucket` makes it ready.

    Args:
        kind: `minio` or `folder`.
        taken: ports that are given away already; grows.

    Raises:
        SettingError: there is no MinIO on this machine: says what to install.
        StepError: it does not start.
    """
    processes = Processes(folder / "logs")
    parts = Parts(processes, {})
    if kind == "folder":
        processes.environment["CHATBOT_STORE_URL"] = str(folder / "store")
    else:
        port, console = port_of("MINIO_PORT", taken), port_of("MINIO_CONSOLE_PORT", taken)
        password = minio.new_password()
        command = minio.command(folder / "minio", port, console)
        ready = f"http://127.0.0.1:{port}/minio/health/ready"
        processes.start("minio", command, ready, minio.environment(password))
        processes.wait("minio")
        processes.environment |= minio.store_settings(port, password)
        parts.links["MinIO"] = f"http://127.0.0.1:{console}"
        # This process reads the store itself too.
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ[name] = processes.environment[name]
    return parts


def make_bucket(parts: Parts) -> None:
    """Make the store's bucket, or its folder, which it still lacks."""
    parts.processes.run("storage", "chatbot.storage", "make-bucket")


def start_mlflow(parts: Parts, folder: Path, taken: set[int]) -> None:
    """Begin to start the MLflow server, its artifacts in the store."""
    port = port_of("CHATBOT_MLFLOW_PORT", taken)
    own = {
        "CHATBOT_MLFLOW_PORT": str(port),
        "CHATBOT_MLFLOW_BACKEND": f"sqlite:///{folder / 'mlflow.db'}",
    }
    url = f"http://127.0.0.1:{port}"
    parts.processes.start("mlflow", _module("training.mlflow_server"), f"{url}/health", own)
    parts.processes.environment |= {
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_UNSENT": str(folder / "unsent"),
    }
    parts.links["MLflow"] = url


def prepare(parts: Parts, folder: Path, taken: set[int]) -> None:
    """Tell all that comes after where it keeps its things, and on which ports it listens."""
    ports = {name: port_of(name, taken) for name in ("CHATBOT_PORT", "CHATBOT_UI_PORT", "CHATBOT_STAFF_PORT")}
    api = f"http://127.0.0.1:{ports['CHATBOT_PORT']}"
    parts.processes.environment |= {
        **{name: str(port) for name, port in ports.items()},
        "CHATBOT_UI_API_URL": api,
        "CHATBOT_BUNDLE_CACHE": str(folder / "bundles"),
        "CHATBOT_LOG_FOLDER": str(folder / "log"),
        "CHATBOT_SHIP_PART_SECONDS": _SHIP_SECONDS,
        "CHATBOT_KEEPER_POLL_SECONDS": _KEEPER_SECONDS,
    }
    parts.links |= {
        "API": f"{api}/docs",
        "chat page": f"http://127.0.0.1:{ports['CHATBOT_UI_PORT']}",
        "staff pages": f"http://127.0.0.1:{ports['CHATBOT_STAFF_PORT']}",
    }


def start_pages(parts: Parts) -> None:
    """Begin to start the chat page and the staff pages."""
    parts.processes.start("chat-page", _module("ui"), f"{parts.links['chat page']}/_stcore/health")
    parts.processes.start("staff-pages", _module("ui.staff"), f"{parts.links['staff pages']}/_stcore/health")


def start_bot(parts: Parts) -> None:
    """Begin to start the API under its keeper."""
    parts.processes.start("api", _module("bento.keeper"), f"{parts.api}/readyz")


def write_environment(parts: Parts, folder: Path) -> Path:
    """A file to `source`, for whoever plays on with what was left running. Readable by its owner alone."""
    file = folder / "env"
    file.touch(0o600)
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in parts.processes.environment.items())
    file.write_text("".join(lines), encoding="utf-8")
    return file


def records_in_store(store: Store) -> set[str]:
    """The prediction ids of the last day's records that a reader of the store finds."""
    now = datetime.now(UTC)
    tables = scan(store, Record, now - timedelta(days=1), now + timedelta(hours=1), ["prediction_id"])
    return {str(found) for table in tables for found in table["prediction_id"].to_pylist()}


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]
