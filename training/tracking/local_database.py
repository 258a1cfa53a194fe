"""Create MLflow's local database in one step: a process that is killed meanwhile leaves none that is half made."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any


def library() -> Any:
    """Return MLflow's functions for the schema of its database, which are private, and untyped."""
    from mlflow.store.db import utils

    return utils


def create(file: Path) -> None:
    """Create an SQLite database with MLflow's schema, unless the file exists.

    SQLite keeps each step of a migration at once: a database that was left half made would be refused from then on.
    Of two processes, the first one's database stays.
    """
    if file.exists():
        return
    from sqlalchemy import create_engine

    with tempfile.TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as folder:
        made = Path(folder) / file.name
        engine = create_engine(f"sqlite:///{made}")
        try:
            library()._initialize_tables(engine)
        finally:
            engine.dispose()
        with suppress(FileExistsError):
            os.link(made, file)
