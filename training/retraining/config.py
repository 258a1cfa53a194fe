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


class RetrainError(ChatbotError):
    """The retraining cannot start; the text says what to do first."""

    type = "retrain"


@dataclass(frozen=True, slots=True)
class RetrainConfig:
    """Configuration of a retraining; `work` is its exclusive folder, which is emptied at the start."""

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
    """Empty a folder for a block, and delete it after success; after a failure its content helps to find the cause."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "corpus").mkdir(parents=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
