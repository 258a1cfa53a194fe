"""Start the loop's components: MinIO (or a folder), MLflow, the bot under its keeper, chat page, staff pages."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chatbot.records.log_store import scan
from chatbot.records.schema import Record
from chatbot.settings import StorageSettings, TrackingSettings
from chatbot.store import Store, open_store
from tools.loop import minio
from tools.processes import Processes, port_of
from training.tracking.registry import Registry

# These settings shorten a day of traffic to minutes: log parts are uploaded at once, a version's first records are its
# baseline at once, and the keeper polls the desired model twice a second. All else has its default.
_UPLOAD_SECONDS = "1"
_BASELINE_HOURS = "0"
_KEEPER_SECONDS = "0.5"


@dataclass
class Parts:
    """The running processes and their URLs."""

    processes: Processes
    links: dict[str, str]

    @property
    def api(self) -> str:
        """Return the bot's URL."""
        return self.links["API"].removesuffix("/docs")

    @property
    def store(self) -> Store:
        """Open the loop's store."""
        environment = self.processes.environment
        url, endpoint = environment["CHATBOT_STORE_URL"], environment.get("CHATBOT_STORE_ENDPOINT", "")
        return open_store(StorageSettings(url=url, endpoint=endpoint))

    @property
    def registry(self) -> Registry:
        """Open the loop's model registry."""
        return Registry(TrackingSettings(tracking_uri=self.processes.environment["MLFLOW_TRACKING_URI"]))

    @property
    def cache(self) -> Path:
        """Return the folder of fetched bundles."""
        return Path(self.processes.environment["CHATBOT_BUNDLE_CACHE"])


def start_store(parts: Parts, folder: Path, kind: str, taken: set[int]) -> None:
    """Start the store only: MinIO, or a folder; `make_bucket` prepares it.

    Args:
        kind: `minio` or `folder`.
        taken: ports already assigned; new ones are added.

    Raises:
        SettingError: MinIO is not installed; says what to install.
        StepError: MinIO does not start.
    """
    processes = parts.processes
    if kind == "folder":
        processes.environment["CHATBOT_STORE_URL"] = str(folder / "store")
    else:
        port, console = port_of("MINIO_PORT", taken), port_of("MINIO_CONSOLE_PORT", taken)
        # Of this run; it is written to no file except the run folder's `env`.
        password = secrets.token_hex(16)
        command = minio.command(folder / "minio", port, console)
        ready = f"http://127.0.0.1:{port}/minio/health/ready"
        root = {"MINIO_ROOT_USER": minio.USER, "MINIO_ROOT_PASSWORD": password}
        processes.start("minio", command, ready, root)
        processes.wait("minio")
        processes.environment |= minio.store_settings(port, password)
        parts.links["MinIO"] = f"http://127.0.0.1:{console}"
        # This process also reads the store.
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ[name] = processes.environment[name]


def make_bucket(parts: Parts) -> None:
    """Create the store's bucket, or its folder."""
    parts.processes.run("storage", "chatbot.storage", "make-bucket")


def start_mlflow(parts: Parts, folder: Path, taken: set[int]) -> None:
    """Launch the MLflow server, with its artifacts in the store; does not wait for it."""
    port = port_of("CHATBOT_MLFLOW_PORT", taken)
    own = {"CHATBOT_MLFLOW_PORT": str(port), "CHATBOT_MLFLOW_BACKEND": f"sqlite:///{folder / 'mlflow.db'}"}
    url = f"http://127.0.0.1:{port}"
    parts.processes.start("mlflow", _module("training.mlflow_server"), f"{url}/health", own)
    parts.processes.environment |= {"MLFLOW_TRACKING_URI": url, "MLFLOW_UNSENT": str(folder / "unsent")}
    parts.links["MLflow"] = url


def prepare(parts: Parts, folder: Path, taken: set[int]) -> None:
    """Set the folders and ports of all components that start later."""
    ports = {name: port_of(name, taken) for name in ("CHATBOT_PORT", "CHATBOT_UI_PORT", "CHATBOT_STAFF_PORT")}
    api = f"http://127.0.0.1:{ports['CHATBOT_PORT']}"
    parts.processes.environment |= {
        **{name: str(port) for name, port in ports.items()},
        "CHATBOT_UI_API_URL": api,
        # All customers of the loop come from one address.
        "CHATBOT_RATE_LIMIT_FEEDBACK": "0",
        "CHATBOT_BUNDLE_CACHE": str(folder / "bundles"),
        "CHATBOT_LOG_FOLDER": str(folder / "log"),
        "CHATBOT_UPLOAD_PART_SECONDS": _UPLOAD_SECONDS,
        "CHATBOT_DRIFT_BASELINE_HOURS": _BASELINE_HOURS,
        "CHATBOT_KEEPER_POLL_SECONDS": _KEEPER_SECONDS,
    }
    parts.links |= {
        "API": f"{api}/docs",
        "chat page": f"http://127.0.0.1:{ports['CHATBOT_UI_PORT']}",
        "staff pages": f"http://127.0.0.1:{ports['CHATBOT_STAFF_PORT']}",
    }


def start_pages(parts: Parts) -> None:
    """Launch the chat page and the staff pages; does not wait for them."""
    parts.processes.start("chat-page", _module("ui"), f"{parts.links['chat page']}/_stcore/health")
    parts.processes.start("staff-pages", _module("ui.staff"), f"{parts.links['staff pages']}/_stcore/health")


def start_bot(parts: Parts) -> None:
    """Launch the API under its keeper; does not wait for it."""
    parts.processes.start("api", _module("bento.keeper"), f"{parts.api}/readyz")


def write_environment(parts: Parts, folder: Path) -> Path:
    """Write a file to `source`, to continue with the running components. Readable by its owner only."""
    file = folder / "env"
    file.touch(0o600)
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in parts.processes.environment.items())
    file.write_text("".join(lines), encoding="utf-8")
    return file


def records_in_store(store: Store) -> set[str]:
    """Return the prediction ids of the last day's records in the store."""
    now = datetime.now(UTC)
    tables = scan(store, Record, now - timedelta(days=1), now + timedelta(hours=1), ["prediction_id"])
    return {str(found) for table in tables for found in table["prediction_id"].to_pylist()}


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]
