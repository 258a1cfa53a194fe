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
from typing import TYPE_CHECKING

from chatbot.errors import ChatbotError
from chatbot.files import replacing
from chatbot.settings import MlflowServerSettings, StorageSettings
from chatbot.store import layout
from training.tracking import mlflow_app, mlflow_schema

if TYPE_CHECKING:
    from sqlalchemy import Engine

_SQLITE = "sqlite:///"
_S3 = "s3://"


class CannotServeMlflow(ChatbotError):
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
            raise CannotServeMlflow(
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


def environment(settings: MlflowServerSettings, store: StorageSettings) -> dict[str, str]:
    """Return the server's environment; existing variables take precedence, but for those of MLflow's app.

    MLflow's modules read it when they are imported. The database's address may contain a password, so it is here and
    not on a command line.
    """
    artifacts, backend = artifacts_of(settings, store), with_driver(settings.backend)
    variables = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Saves nine worker processes for jobs, which this project does not use.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    if artifacts.startswith(_S3):
        variables["AWS_DEFAULT_REGION"] = store.region or "us-east-1"
        variables["AWS_MAX_ATTEMPTS"] = str(store.attempts)
        if store.endpoint:
            variables["MLFLOW_S3_ENDPOINT_URL"] = store.endpoint
        if store.path_style or (store.path_style is None and store.endpoint):
            variables["MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE"] = "path"
    return {**variables, **os.environ, **mlflow_app.variables(backend, artifacts, settings.allowed_hosts)}


def upgrade(backend: str, *, asked: bool = False) -> str:
    """Migrate the database to the schema of the installed MLflow; return what was done, empty: nothing.

    Only if a person `asked` is a database migrated that cannot be backed up here.

    Raises: CannotServeMlflow: the database belongs to a newer MLflow, or cannot be backed up and nobody asked.
    """
    file = _file_of(backend)
    if file is not None and not file.exists():
        if asked:
            return "no database exists yet: the server creates it"
        file.parent.mkdir(parents=True, exist_ok=True)
        mlflow_schema.create(file)
        return ""
    from sqlalchemy import create_engine

    try:
        engine = create_engine(with_driver(backend))
    except ModuleNotFoundError as error:
        raise CannotServeMlflow(f"install the package {error.name}, which this database needs") from None
    try:
        found, newest = _version_of(engine), mlflow_schema.newest()
        if found in (None, newest):
            return ""
        if found not in mlflow_schema.known():
            raise CannotServeMlflow(
                f"the database belongs to a newer MLflow than the installed one (schema {found}): install that version"
            )
        if file is None and not asked:
            raise CannotServeMlflow(
                f"the database belongs to an older MLflow (schema {found}, required {newest}). Back it up, then "
                "run: python -m training.mlflow_server --upgrade"
            )
        copied = f"; its backup is {_copy(file, found)}" if file is not None else ""
        mlflow_schema.migrate(engine)
    finally:
        engine.dispose()
    return f"the database of an older MLflow was upgraded from schema {found} to {newest}{copied}"


def _version_of(engine: Engine) -> str | None:
    """Return the version of a database's schema.

    Raises: CannotServeMlflow: it cannot be opened; with its address, which hides the password.
    """
    from sqlalchemy.exc import OperationalError

    try:
        return mlflow_schema.version(engine)
    except OperationalError as error:
        raise CannotServeMlflow(f"the database {engine.url!r} cannot be opened: {error.orig}") from None


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
    """Run the server in this process. Returns: 1 if it cannot start; 0 after `--upgrade`, or when it was stopped."""
    parser = argparse.ArgumentParser(prog="python -m training.mlflow_server", description="the MLflow server")
    parser.add_argument("--upgrade", action="store_true", help="only upgrade the database")
    args = parser.parse_args(arguments)
    try:
        settings, store = MlflowServerSettings(), StorageSettings()
        if not args.upgrade:
            os.environ.update(environment(settings, store))
        done = upgrade(settings.backend, asked=args.upgrade)
    except (ChatbotError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if done or args.upgrade:
        sys.stderr.write((done or "the database has the schema of the installed MLflow") + "\n")
    if not args.upgrade:
        sys.stderr.write(
            f"MLflow: http://{settings.address}:{settings.port}, artifacts in {artifacts_of(settings, store)}\n"
        )
        mlflow_app.serve(settings.address, settings.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
