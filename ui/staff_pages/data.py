"""Cache the data of the staff pages, shared by all sessions: one review board and its last results."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st
from pydantic import ValidationError

from chatbot.errors import Missing, StoreError
from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.settings import StaffSettings, TrackingSettings
from chatbot.store import Store, layout
from training.review.board import Board, View, open_board
from training.review.handoffs import Task, read_tasks
from ui.shared import startup

MOST_REPORT_BYTES = 6_000_000
"""Maximum size of an embedded report in bytes: a larger one exceeds a Streamlit message, and is a download only."""

T = TypeVar("T")


class Shelf:
    """Thread-safe time-to-live cache: several users cost no more reads than one."""

    def __init__(self, board: Board, seconds: float) -> None:
        """Create an empty cache; `seconds` is the time to live."""
        self.board = board
        self._seconds = seconds
        self._kept: dict[str, tuple[float, Any]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def view(self, fresh: bool = False) -> View:
        """Return the review queue and the clusters; `fresh` bypasses the cache, here and below."""
        return self._keep("view", self.board.look, fresh)

    def tasks(self, fresh: bool = False) -> list[Task]:
        """Return the latest handoffs."""
        return self._keep("tasks", lambda: read_tasks(self.board.store), fresh)

    def intents(self, fresh: bool = False) -> dict[str, str]:
        """Return the title of every intent, by name."""
        return self._keep("intents", self.board.intents, fresh)

    def versions(self, fresh: bool = False) -> list[Any]:
        """Return the registered versions, newest first (`training.tracking.registry.ModelVersion`).

        Raises:
            TrackingError: MLflow is unavailable.
        """
        from training.tracking.registry import Registry

        return self._keep("versions", lambda: Registry(startup.read(TrackingSettings)).versions(), fresh)

    def drift(self) -> tuple[DriftVerdict, bytes] | None:
        """Return the latest drift verdict and its report (empty: none is stored); None: no check has run."""
        return self._keep("drift", lambda: _drift(self.board.store), False)

    def _keep(self, name: str, read: Callable[[], T], fresh: bool) -> T:
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            when, kept = self._kept.get(name, (-self._seconds, None))
            if not fresh and time.monotonic() - when < self._seconds:
                found: T = kept
                return found
            found = read()
            self._kept[name] = time.monotonic(), found
            return found


@st.cache_resource(show_spinner="Loading the model…")
def open_shelf() -> Shelf:
    """Return the cache, one per server.

    Raises:
        ChatbotError: no store is configured, or there is no bundle.
    """
    return Shelf(open_board(), startup.read(StaffSettings).refresh_seconds)


def _drift(store: Store) -> tuple[DriftVerdict, bytes] | None:
    try:
        verdict = DriftVerdict.model_validate_json(store.get(layout.DRIFT_VERDICT))
    except Missing:
        return None
    except ValidationError as error:
        raise StoreError(f"{layout.DRIFT_VERDICT} is not a verdict of the drift check: {error}") from error
    if not verdict.report:
        return verdict, b""
    try:
        return verdict, store.get(verdict.report)
    except Missing:
        return verdict, b""
