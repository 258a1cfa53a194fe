"""The schema of MLflow's database. MLflow's functions for it are private: only this module calls them.

A local database is created in one step: a process that is killed meanwhile leaves none that is half made.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatbot.files import sync_to_disk

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory


def version(engine: Any) -> str | None:
    """Return the version of a database's schema; None: the database is empty."""
    from alembic.runtime.migration import MigrationContext

    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """Return the version that the installed MLflow needs."""
    return str(_migrations().get_current_head())


def known() -> set[str]:
    """Return all versions that the installed MLflow can migrate, the newest too."""
    return {entry.revision for entry in _migrations().walk_revisions()}


def migrate(engine: Any) -> None:
    """Migrate a database to the newest version."""
    _mlflow()._upgrade_db(engine)


def create(file: Path) -> None:
    """Create an SQLite database with MLflow's schema, unless the file exists.

    SQLite keeps each step of a migration at once: a database that was left half made would be refused from then on.
    Of two processes, the first one's database stays. It is flushed to the disk once, not after each step.
    """
    if file.exists():
        return
    from sqlalchemy import create_engine, event

    with tempfile.TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as folder:
        made = Path(folder) / file.name
        engine = create_engine(f"sqlite:///{made}")
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        try:
            _mlflow()._initialize_tables(engine)
        finally:
            engine.dispose()
        sync_to_disk(made)
        with suppress(FileExistsError):
            os.link(made, file)


def _migrations() -> ScriptDirectory:
    import mlflow
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations"))


def _mlflow() -> Any:
    from mlflow.store.db import utils

    return utils
