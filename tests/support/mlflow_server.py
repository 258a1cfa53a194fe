"""Run a real MLflow server for tests: database in a folder, artifacts in a bucket, through the server's proxy."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from chatbot.settings import TrackingSettings
from tests.support.server_process import ServerProcess
from training.tracking.client import connected

ROOT = Path(__file__).resolve().parents[2]


def new_database(folder: Path) -> Path:
    """Create MLflow's database in a folder as the first client does; return its file."""
    with connected(TrackingSettings(tracking_uri=f"sqlite:///{folder}/mlflow.db")) as client:
        assert client.search_registered_models() == []
    return folder / "mlflow.db"


class MlflowServer(ServerProcess):
    """One server, started as `python -m training.mlflow_server` starts it."""

    ready_path = "/health"
    start_seconds = 90.0

    def __init__(self, folder: Path, store: dict[str, str], database: Path | None = None) -> None:
        """Configure the server without starting it.

        Args:
            folder: for its database and its output.
            store: the store's variables, including the server's credentials (`Minio.environment`).
            database: the server begins with a copy of it (`new_database`); None: with none, which takes seconds.
        """
        super().__init__(folder)
        self.store = store
        if database is not None:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(database, folder / "mlflow.db")

    def command(self) -> Sequence[object]:
        return [sys.executable, "-m", "training.mlflow_server"]

    def variables(self) -> Mapping[str, str]:
        kept = {name: v for name, v in os.environ.items() if not name.startswith(("AWS_", "MLFLOW_"))}
        return {
            **kept,
            **self.store,
            "PYTHONPATH": str(ROOT),
            "CHATBOT_MLFLOW_PORT": str(self.port),
            "CHATBOT_MLFLOW_BACKEND": f"sqlite:///{self.folder}/mlflow.db",
        }

    def settings(self, folder: Path, **others: object) -> TrackingSettings:
        """Return a client's settings: the address only. `folder` receives unsent runs."""
        return TrackingSettings(tracking_uri=self.url, unsent=folder / "unsent", **others)  # type: ignore[arg-type]
