"""A log in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.settings import LogSettings
from monitoring.logger import InferenceLog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def log(folder: Path) -> InferenceLog:
    return InferenceLog(LogSettings(folder=folder))
