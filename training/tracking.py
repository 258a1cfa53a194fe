"""Every training run goes to MLflow: parameters, corpus digest, metrics per intent and slice, pictures."""

from __future__ import annotations

import logging
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.errors import ChatbotError
from chatbot.settings import TrackingSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow.tracking import MlflowClient

# MLflow takes at most this many metrics a request.
_METRICS_A_BATCH = 900


class TrackingError(ChatbotError):
    """The tracking server cannot be reached, or refused the run. The bundle is not touched by this."""

    type = "tracking"


def record(
    settings: TrackingSettings,
    name: str,
    params: Mapping[str, object],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    figures: Mapping[str, Figure],
    files: Mapping[str, Path],
) -> str:
    """Write one finished run.

    Args:
        name: the run's name.
        metrics: by name; `/` groups them in MLflow's page.
        figures: by file name, such as `confusion_matrix.png`.
        files: by the folder they are filed under.

    Returns:
        The run's id.

    Raises:
        TrackingError: with what to do.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    try:
        with _quiet():
            client = MlflowClient(_prepared(settings.tracking_uri))
            experiment = _experiment(client, settings)
            run = client.create_run(experiment, run_name=name)
            now = time.time_ns() // 1_000_000
            client.log_batch(
                run.info.run_id,
                params=[Param(key, str(value)[:5000]) for key, value in params.items()],
                tags=[RunTag(key, value) for key, value in tags.items()],
            )
            entries = [Metric(key, float(value), now, 0) for key, value in metrics.items()]
            for start in range(0, len(entries), _METRICS_A_BATCH):
                client.log_batch(run.info.run_id, metrics=entries[start : start + _METRICS_A_BATCH])
            for file_name, figure in figures.items():
                client.log_figure(run.info.run_id, figure, file_name)
            for folder, file in files.items():
                client.log_artifact(run.info.run_id, str(file), folder)
            client.set_terminated(run.info.run_id)
    except (MlflowException, OSError) as error:
        raise TrackingError(
            f"the run could not be recorded at {settings.tracking_uri}: {error}. The bundle is finished; "
            "start the server or set MLFLOW_TRACKING_URI, and train again with the same corpus to record it"
        ) from error
    return str(run.info.run_id)


def git_commit(root: Path) -> str:
    """The commit that is checked out, with `-dirty` where tracked files differ; empty outside a checkout."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _experiment(client: MlflowClient, settings: TrackingSettings) -> str:
    found = client.get_experiment_by_name(settings.experiment)
    if found is not None:
        return str(found.experiment_id)
    folder = _local_folder(settings.tracking_uri)
    location = (folder / "artifacts").resolve().as_uri() if folder else None
    return str(client.create_experiment(settings.experiment, artifact_location=location))


def _local_folder(uri: str) -> Path | None:
    """Where a local store's database lies; None for a server."""
    return Path(uri.removeprefix("sqlite:///")).parent if uri.startswith("sqlite:///") else None


def _prepared(uri: str) -> str:
    if folder := _local_folder(uri):
        folder.mkdir(parents=True, exist_ok=True)
    return uri


@contextmanager
def _quiet() -> Iterator[None]:
    """A new local store tells of each of its migrations; nobody needs to read them."""
    loggers = [
        logging.getLogger(name) for name in ("alembic", "mlflow.store.db.utils", "alembic.runtime.migration")
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
