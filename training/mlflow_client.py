"""One way to MLflow for runs and registry: asked first whether it is there, and never waited for by the minute."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.errors import ChatbotError
from chatbot.settings import TrackingSettings

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_HEALTH_SECONDS = 5.0
_SQLITE = "sqlite:///"


class TrackingError(ChatbotError):
    """MLflow cannot be reached, or refuses. No bundle is touched by this, and serving goes on without it."""

    status = 503
    type = "tracking"


@contextmanager
def connected(settings: TrackingSettings) -> Iterator[MlflowClient]:
    """A client of the server or the local database, for the length of a block.

    Raises:
        TrackingError: it cannot be reached (said within seconds), or refused what the block asked for.
    """
    _prepare(settings)
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
    from requests import RequestException

    try:
        with _quiet():
            yield MlflowClient(settings.tracking_uri, settings.tracking_uri)
    except (MlflowException, RequestException, OSError) as error:
        raise TrackingError(f"MLflow at {shown(settings)}: {_first_line(error)}") from error


def experiment(client: MlflowClient, settings: TrackingSettings) -> str:
    """The experiment's id; it is made where it is missing."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(settings.experiment)
    if found is not None:
        return str(found.experiment_id)
    folder = _local_folder(settings.tracking_uri)
    location = (folder / "artifacts").resolve().as_uri() if folder else None
    try:
        return str(client.create_experiment(settings.experiment, artifact_location=location))
    except MlflowException:  # another process was quicker
        found = client.get_experiment_by_name(settings.experiment)
        if found is None:
            raise
        return str(found.experiment_id)


def shown(settings: TrackingSettings) -> str:
    """The address without what may be secret in it."""
    scheme, mark, rest = settings.tracking_uri.partition("://")
    return scheme + mark + rest.rpartition("@")[2]


def _prepare(settings: TrackingSettings) -> None:
    """Everything that MLflow reads from the environment, and the question whether the server is there at all."""
    for name in ("http_request_timeout", "http_request_max_retries", "http_request_backoff_factor"):
        os.environ.setdefault(f"MLFLOW_{name.upper()}", str(getattr(settings, name)))
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    uri = settings.tracking_uri
    if folder := _local_folder(uri):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrackingError(f"MLflow's database {uri} cannot be made: {error}") from error
    elif uri.startswith(("http://", "https://")):
        _ask(uri, shown(settings))


def _ask(uri: str, name: str) -> None:
    """Raises: TrackingError: nothing answers, or what answers is not ready."""
    advice = "start it (`python -m training.mlflow_server`, `make mlflow`), or set MLFLOW_TRACKING_URI"
    import requests

    try:
        answer = requests.get(uri.rstrip("/") + "/health", timeout=_HEALTH_SECONDS)
    except requests.RequestException as error:
        raise TrackingError(f"MLflow at {name} cannot be reached ({_cause(error)}): {advice}") from error
    # A proxy that keeps /health to itself still lets the client in.
    if answer.status_code >= 500:
        raise TrackingError(
            f"MLflow at {name} is not ready: /health is answered {answer.status_code}; {advice}"
        )


def _cause(error: BaseException) -> str:
    """What is at the bottom of an error that wraps others: `Connection refused`."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _local_folder(uri: str) -> Path | None:
    """Where a local store's database lies; None for a server."""
    return Path(uri.removeprefix(_SQLITE)).parent if uri.startswith(_SQLITE) else None


def _first_line(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if "Invalid Host header" in text:
        return f"{text}. Start the server with this name in CHATBOT_MLFLOW_ALLOWED_HOSTS"
    if "out-of-date database schema" in text:
        return (
            "its database is of an older MLflow: `python -m training.mlflow_server --upgrade` copies it and "
            "upgrades it"
        )
    return text.strip().splitlines()[0][:500]


@contextmanager
def _quiet() -> Iterator[None]:
    """A new local store tells of each of its migrations, a new version of how it waits; nobody needs to read it."""
    names = (
        "alembic",
        "alembic.runtime.migration",
        "mlflow.store.db.utils",
        "mlflow.tracking",
        "mlflow.store",
    )
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
