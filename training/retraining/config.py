"""Configure a retraining, and create its exclusive work folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import ChatbotError
from chatbot.settings import RetrainSettings, StorageSettings, TrackingSettings
from chatbot.store import layout
from data.processing import ProcessParams
from training.gate.params import GateParams
from training.model.params import TrainParams

LEASE = layout.RETRAIN_LEASE
ERASURE_WAIT = 3_600.0
"""For how many seconds a trained version waits for an erasure that rewrites copies."""
_OWN = ".retrain-work"
"""Marks a folder that a retraining made: only such a folder is emptied."""


class CannotRetrain(ChatbotError):
    """The retraining cannot start; the text says what to do first."""

    type = "retrain"


@dataclass(frozen=True, slots=True)
class RetrainConfig:
    """Configuration of a retraining; `work` is its exclusive folder, new or of an earlier one, which is emptied."""

    store: StorageSettings
    tracking: TrackingSettings
    settings: RetrainSettings
    process: ProcessParams
    train: TrainParams
    gate: GateParams
    work: Path
    cache: Path


@contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """Empty a folder for a block, and delete it after success; after a failure its content helps to find the cause.

    Raises: CannotRetrain: the folder has content, and no retraining made it: it could be anything.
    """
    is_own = (folder / _OWN).is_file()
    if folder.exists() and not is_own and (not folder.is_dir() or any(folder.iterdir())):
        raise CannotRetrain(
            f"{folder} would be emptied, and no retraining made it: name a new folder with --work (if an earlier "
            "version left it behind, delete it)"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _OWN).touch()
    (folder / "corpus").mkdir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
