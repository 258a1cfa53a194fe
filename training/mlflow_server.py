"""Run the MLflow server: runs, registry, and an artifact proxy, so that clients need no store credentials.

    python -m training.mlflow_server              start the server; /health answers when it is ready
    python -m training.mlflow_server --upgrade    only migrate its database to the schema of the installed
    MLflow

A SQLite database of an older MLflow is backed up beside itself before its migration.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from chatbot.errors import ChatbotError
from chatbot.files import replacing
from chatbot.settings import MlflowServerSettings, StorageSettings
from chatbot.store import layout
from training.tracking import mlflow_schema

_SQLITE = "sqlite:///"
_S3 = "s3://"


class MlflowServerError(ChatbotError):
    """The settings do not allow the server to start."""

    type = "mlflow_server"


def artifacts_of(settings: MlflowServerSettings, store: StorageSettings) -> str:
    """Return the artifact location: the setting, else `mlflow/` in the store, else beside the database."""
    if settings.artifacts:
        chosen = settings.artifacts
    elif store.url != "none":
        chosen = f"{store.url.rstrip('/')}/{layout.MLFLOW}"
    else:
        database = _file_of(settings.backend)
        if database is None:
            raise MlflowServerError(
                "the artifact location is not configured: set CHATBOT_MLFLOW_ARTIFACTS or CHATBOT_STORE_URL"
            )
        chosen = str(database.parent / "artifacts")
    return chosen if "://" in chosen else str(Path(chosen).absolute())


def with_driver(backend: str) -> str:
    """Return the database's address with this image's PostgreSQL driver; SQLAlchemy's default is another."""
    for scheme in ("postgresql://", "postgres://"):
        if backend.startswith(scheme):
            return f"postgresql+psycopg2://{backend.removeprefix(scheme)}"
    return backend


def command(settings: MlflowServerSettings, store: StorageSettings) -> list[str]:
    """Return the arguments of `mlflow`; the database's address may contain a password and is not in them."""
    started = [
        "server",
        *("--host", settings.address, "--port", str(settings.port), "--workers", "1"),
        *("--artifacts-destination", artifacts_of(settings, store), "--serve-artifacts"),
        *("--default-artifact-root", "mlflow-artifacts:/"),
    ]
    return [*started, "--allowed-hosts", settings.allowed_hosts] if settings.allowed_hosts else started


def environment(settings: MlflowServerSettings, store: StorageSettings) -> dict[str, str]:
    """Return the server's environment; existing variables take precedence."""
    variables = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Saves nine worker processes for jobs, which this project does not use.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    if artifacts_of(settings, store).startswith(_S3):
        variables["AWS_DEFAULT_REGION"] = store.region or "us-east-1"
        variables["AWS_MAX_ATTEMPTS"] = str(store.attempts)
        if store.endpoint:
            variables["MLFLOW_S3_ENDPOINT_URL"] = store.endpoint
        if store.path_style or (store.path_style is None and store.endpoint):
            variables["MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE"] = "path"
    return {**variables, **os.environ, "MLFLOW_BACKEND_STORE_URI": with_driver(settings.backend)}


def upgrade(backend: str, *, asked: bool = False) -> str:
    """Migrate the database to the schema of the installed MLflow; return what was done, empty: nothing.

    Only if a person `asked` is a database migrated that cannot be backed up here.

    Raises: MlflowServerError: the database belongs to a newer MLflow, or cannot be backed up and nobody asked.
    """
    from sqlalchemy import create_engine

    file = _file_of(backend)
    if file is not None and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        mlflow_schema.create(file)
        return ""
    engine = create_engine(with_driver(backend))
    try:
        found, newest = mlflow_schema.version(engine), mlflow_schema.newest()
        if found in (None, newest):
            return ""
        if found not in mlflow_schema.known():
            raise MlflowServerError(
                f"the database belongs to a newer MLflow than the installed one (schema {found}): install that version"
            )
        if file is None and not asked:
            raise MlflowServerError(
                f"the database belongs to an older MLflow (schema {found}, required {newest}). Back it up, then "
                "run: python -m training.mlflow_server --upgrade"
            )
        copied = f"; its backup is {_copy(file, found)}" if file is not None else ""
        mlflow_schema.migrate(engine)
    finally:
        engine.dispose()
    return f"the database of an older MLflow was upgraded from schema {found} to {newest}{copied}"


def _copy(file: Path, revision: str) -> Path:
    """Back up the database consistently, even during writes; an existing backup is kept."""
    copy = file.with_name(f"{file.name}.before-{revision}")
    if not copy.exists():
        with (
            replacing(copy) as draft,
            closing(sqlite3.connect(file)) as source,
            closing(sqlite3.connect(draft)) as target,
        ):
            source.backup(target)
    return copy


def _file_of(backend: str) -> Path | None:
    return Path(backend.removeprefix(_SQLITE)) if backend.startswith(_SQLITE) else None


def main(arguments: list[str] | None = None) -> int:
    """Run the server until it is stopped, and exit with its code. Returns: 1: it cannot start; 0: after `--upgrade`."""
    parser = argparse.ArgumentParser(prog="python -m training.mlflow_server", description="the MLflow server")
    parser.add_argument("--upgrade", action="store_true", help="only upgrade the database")
    args = parser.parse_args(arguments)
    try:
        settings, store = MlflowServerSettings(), StorageSettings()
        if not args.upgrade:
            started = command(settings, store)
            # Before the first import of MLflow, which reads some of the variables.
            os.environ.update(environment(settings, store))
        done = upgrade(settings.backend, asked=args.upgrade)
        if done or args.upgrade:
            sys.stderr.write((done or "the database has the schema of the installed MLflow") + "\n")
        if args.upgrade:
            return 0
    except (ChatbotError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(
        f"MLflow: http://{settings.address}:{settings.port}, artifacts in {artifacts_of(settings, store)}\n"
    )
    # In this process, which has imported MLflow to look at the database: another import takes seconds.
    from mlflow.cli import cli

    cli.main(started, prog_name="mlflow")


if __name__ == "__main__":
    sys.exit(main())
