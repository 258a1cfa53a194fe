"""A log in a folder of its own, and no waiting for periods that are a service's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from chatbot.settings import LogSettings
from monitoring.handoffs import delivery
from monitoring.handoffs import log as handoffs
from monitoring.inference_log import log as logger
from tests.monitoring.log_tools import CountedLog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def log(folder: Path) -> CountedLog:
    return CountedLog(LogSettings(folder=folder))


@pytest.fixture(autouse=True)
def _short_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a service does every second or half is done twenty times a second."""
    monkeypatch.setattr(logger, "DRAIN_SECONDS", 0.05)
    monkeypatch.setattr(delivery, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(handoffs, "SORT_SECONDS", 0.05)


@pytest.fixture(autouse=True, scope="module")
def _one_thread_for_algebra() -> Iterator[None]:
    """Two threads on cores that are busy wait for each other: seven times the work for the same eigenvectors."""
    with threadpool_limits(1):
        yield
