"""Record training runs in MLflow: parameters, corpus digest, metrics per intent and slice, figures.

Write-ahead: a run is first written to `models/unsent/<key>/` and sent from there, so that no run is lost if
the server is unavailable or the process is killed. `python -m training.send` sends what was kept. Delivery is
at-least-once and idempotent by the key.
"""

from __future__ import annotations

import fcntl
import json
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatbot.settings import TrackingSettings
from training.tracking.client import TrackingFailed, connected, experiment

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow.tracking import MlflowClient

Files = Mapping[str, Path | Sequence[Path]]
KEY = "run_key"
"""Tag with the run's idempotency key: detects a run that was already sent."""
_RUN_FILE = "run.json"
_FILES = "files"
# MLflow limits the number of metrics per request.
_METRICS_PER_BATCH = 900
_MAX_PARAM_CHARS = 5000


@dataclass(frozen=True, slots=True)
class Recorded:
    """Result of recording a run: sent, or kept for later."""

    run_id: str
    """Empty if the run was kept."""
    kept: Path | None = None
    reason: str = ""
    """Why it was kept, and how to send it."""


def record(
    settings: TrackingSettings,
    name: str,
    params: Mapping[str, object],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    figures: Mapping[str, Figure],
    files: Files,
    *,
    key: str = "",
    seconds: float = 0.0,
) -> Recorded:
    """Record one finished run; keep it on disk if the server does not accept it.

    Args:
        metrics: by name; `/` groups them in MLflow's UI.
        files: by their artifact folder, one or several.
        key: idempotency key: a run that is repeated after a crash has the same key and exists once; empty: a new run.
        seconds: the run's duration, from which its start time is computed.
    """
    key = key or f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}-{secrets.token_hex(4)}"
    now = time.time_ns() // 1_000_000
    content = {
        "format": 1,
        "name": name,
        "key": key,
        "params": {k: str(value)[:_MAX_PARAM_CHARS] for k, value in params.items()},
        "metrics": {k: float(value) for k, value in metrics.items()},
        "tags": dict(tags),
        "started": now - int(1000 * seconds),
        "ended": now,
    }
    folder = _keep(settings.unsent, key, content, figures, files)
    try:
        return Recorded(send(settings, folder))
    except TrackingFailed as error:
        return Recorded(
            "", folder, f"{error}. The run is kept in {folder}; send it with: python -m training.send"
        )


def unsent(settings: TrackingSettings) -> list[Path]:
    """Return the kept runs, oldest first."""
    files = settings.unsent.glob(f"[!.]*/{_RUN_FILE}")
    return [file.parent for file in sorted(files, key=lambda file: (file.stat().st_mtime, file))]


def send(settings: TrackingSettings, folder: Path) -> str:
    """Send a kept run and delete its folder; idempotent: a run the server already has is not sent again.

    Raises: TrackingFailed: the server cannot be reached or refuses; the folder is kept.
    """
    try:
        with (folder / _RUN_FILE).open("rb") as stream:
            # A concurrent sender of the same run waits here and then finds it sent.
            fcntl.flock(stream, fcntl.LOCK_EX)
            content = json.load(stream)
            with connected(settings) as client:
                run_id = _sent_before(client, settings, content["key"])
                run_id = run_id or _send(client, settings, folder, content)
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, ValueError) as error:
        raise TrackingFailed(f"{folder} does not contain a run: {error}") from error
    return run_id


def _keep(
    unsent: Path, key: str, content: dict[str, Any], figures: Mapping[str, Figure], files: Files
) -> Path:
    """Write a run's files (atomic write: all or nothing)."""
    unsent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=unsent))
    try:
        artifacts = draft / _FILES
        artifacts.mkdir()
        for file_name, figure in figures.items():
            figure.savefig(artifacts / file_name)
        for folder, entry in files.items():
            (artifacts / folder).mkdir(parents=True, exist_ok=True)
            for file in [entry] if isinstance(entry, Path) else entry:
                shutil.copyfile(file, artifacts / folder / file.name)
        (draft / _RUN_FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")
        draft.chmod(0o755)
        final = unsent / key
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return final


def _sent_before(client: MlflowClient, settings: TrackingSettings, key: str) -> str:
    """Return the id of the finished run with this key, or empty; delete what a killed process left of it."""
    whole = ""
    for run in client.search_runs([experiment(client, settings)], filter_string=f"tags.{KEY} = '{key}'"):
        if run.info.status == "FINISHED":
            whole = str(run.info.run_id)
        else:
            client.delete_run(run.info.run_id)
    return whole


def _send(client: MlflowClient, settings: TrackingSettings, folder: Path, content: dict[str, Any]) -> str:
    from mlflow.entities import Metric, Param

    run = client.create_run(
        experiment(client, settings),
        start_time=content["started"],
        run_name=content["name"],
        tags={**content["tags"], KEY: content["key"]},
    )
    run_id = str(run.info.run_id)
    client.log_batch(run_id, params=[Param(key, value) for key, value in content["params"].items()])
    entries = [Metric(key, value, content["ended"], 0) for key, value in content["metrics"].items()]
    for start in range(0, len(entries), _METRICS_PER_BATCH):
        client.log_batch(run_id, metrics=entries[start : start + _METRICS_PER_BATCH])
    client.log_artifacts(run_id, str(folder / _FILES))
    client.set_terminated(run_id, end_time=content["ended"])
    return run_id
