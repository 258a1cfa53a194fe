"""Share what is expensive to make between the workers of a parallel run."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pytest

T = TypeVar("T")


def shared_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """Return a folder that exists once for all workers of a run; pytest deletes it with theirs."""
    base = factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / f"shared-{name}"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock, which ends with the process at the latest."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made_once(folder: Path, make: Callable[[Path], T]) -> T:
    """Return what the first process makes in the folder: the others wait for it. A make that fails is tried again."""
    made = folder / "made.pickle"
    with locked(folder / "lock"):
        if not made.is_file():
            shutil.rmtree(folder / "content", ignore_errors=True)
            made.write_bytes(pickle.dumps(make(folder / "content")))
        return pickle.loads(made.read_bytes())
