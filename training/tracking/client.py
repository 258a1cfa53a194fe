"""Connect to MLflow for runs and registry: preflight check first, short timeouts."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request

from chatbot.deadline import watch_pools
from chatbot.errors import ChatbotError
from chatbot.loop.registry import certificates, is_server
from chatbot.runtime import REAL
from chatbot.settings import TrackingSettings
from training.tracking import mlflow_schema

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_HEALTH_SECONDS = 5.0
_TRANSFER_FACTOR = 10
"""Total time of a request in times of MLFLOW_HTTP_REQUEST_TIMEOUT, which restarts with every byte: artifacts may be
large.
"""
_SQLITE = "sqlite:///"
_CHATTY = ("alembic", "alembic.runtime.migration", "mlflow.store.db.utils", "mlflow.tracking", "mlflow.store")
"""Loggers of what MLflow does to its database."""


class TrackingFailed(ChatbotError):
    """MLflow cannot be reached, or refuses. No bundle is affected, and serving continues without MLflow."""

    status = 503
    type = "tracking"


@contextmanager
def connected(settings: TrackingSettings) -> Iterator[MlflowClient]:
    """Yield a client of the server or the local database.

    Raises: TrackingFailed: it cannot be reached (detected within seconds), or refused a request of the block.
    """
    preflight(settings)
    try:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
        from requests import RequestException
        from sqlalchemy.exc import SQLAlchemyError
        from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
    except ImportError as error:
        raise TrackingFailed(
            f"MLFLOW_TRACKING_URI={without_credentials(settings)}: this needs MLflow, which is not installed here "
            f"({error}); a server's registry can be read without it"
        ) from error

    watch_pools(
        HTTPConnectionPool, HTTPSConnectionPool, seconds=settings.http_request_timeout * _TRANSFER_FACTOR
    )
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        if settings.tracking_uri.startswith(_SQLITE):
            mlflow_schema.create(Path(settings.tracking_uri.removeprefix(_SQLITE)))
        yield MlflowClient(settings.tracking_uri, settings.tracking_uri)
    except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
        raise TrackingFailed(f"MLflow at {without_credentials(settings)}: {explain(error)}") from error


def experiment(client: MlflowClient, settings: TrackingSettings) -> str:
    """Return the experiment's id; create the experiment if it is missing."""
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


def preflight(settings: TrackingSettings) -> None:
    """Set MLflow's environment variables, create a local database's folder, and check that a server answers.

    Raises: TrackingFailed: the server does not answer, or the folder cannot be created.
    """
    for name in ("http_request_timeout", "http_request_max_retries"):
        os.environ.setdefault(f"MLFLOW_{name.upper()}", str(getattr(settings, name)))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    # Else a server may delay each retry by six hours.
    os.environ.setdefault("MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    uri = settings.tracking_uri
    if folder := _local_folder(uri):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrackingFailed(
                f"the folder of MLflow's database {uri} cannot be created: {error}"
            ) from error
    elif is_server(settings):
        _ask(without_credentials(settings))


def without_credentials(settings: TrackingSettings) -> str:
    """Return the address without credentials."""
    scheme, mark, rest = settings.tracking_uri.partition("://")
    return scheme + mark + rest.rpartition("@")[2]


def explain(error: Exception) -> str:
    """Return the first line of MLflow's error, or its remedy if it is a known one."""
    text = str(error) or type(error).__name__
    if "Invalid Host header" in text:
        return f"{text}. Start the server with this name in CHATBOT_MLFLOW_ALLOWED_HOSTS"
    if "out-of-date database schema" in text:
        return (
            "its database belongs to an older MLflow: `python -m training.mlflow_server --upgrade` copies it and "
            "upgrades it"
        )
    line = text.strip().splitlines()[0][:500]
    if "already exists" in line and "table" in line:
        return f"{line}: its database is incomplete; restore its backup (`.before-...` beside it), or move it away"
    return line


def _ask(name: str) -> None:
    """Raises: TrackingFailed: the server does not answer or is not ready."""
    advice = "start it (`python -m training.mlflow_server`, `make mlflow`), or set MLFLOW_TRACKING_URI"
    url = name.rstrip("/") + "/health"
    try:
        REAL.fetch(Request(url), _HEALTH_SECONDS, certificates(url))  # noqa: S310  # http(s): `is_server`
    except HTTPError as error:
        # A proxy that blocks /health (status below 500) may still admit the client.
        if error.code >= 500:
            raise TrackingFailed(
                f"MLflow at {name} is not ready: /health returned {error.code}; {advice}"
            ) from error
    except (OSError, ValueError) as error:
        raise TrackingFailed(
            f"MLflow at {name} cannot be reached ({getattr(error, 'reason', error)}): {advice}"
        ) from error


def _local_folder(uri: str) -> Path | None:
    """Return the folder of a local store's database; None for a server."""
    return Path(uri.removeprefix(_SQLITE)).parent if uri.startswith(_SQLITE) else None
