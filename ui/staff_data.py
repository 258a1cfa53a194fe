"""What the staff pages read, shared by all who look: one board, and what it last saw."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st
from pydantic import ValidationError

from chatbot.errors import Missing, StoreError
from chatbot.settings import StaffSettings, TrackingSettings
from chatbot.storage import Store
from chatbot.verdict import DriftVerdict
from training.handoff_desk import Task, read_tasks
from training.review_board import Board, View, open_board
from ui import start

LATEST = "reports/drift/latest.json"
MOST_REPORT_BYTES = 6_000_000
"""A larger report is offered as a file only: it would not fit into one of Streamlit's messages."""

T = TypeVar("T")


class Shelf:
    """Keeps what was read for a while, so that ten who look cost no more than one. For any thread."""

    def __init__(self, board: Board, seconds: float) -> None:
        """Reads nothing yet."""
        self.board = board
        self._seconds = seconds
        self._kept: dict[str, tuple[float, Any]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def view(self, fresh: bool = False) -> View:
        """What waits for review."""
        return self._keep("view", self.board.look, fresh)

    def tasks(self, fresh: bool = False) -> list[Task]:
        """The last handoffs."""
        return self._keep("tasks", lambda: read_tasks(self.board.store), fresh)

    def intents(self, fresh: bool = False) -> dict[str, str]:
        """Every intent with its title."""
        return self._keep("intents", self.board.intents, fresh)

    def versions(self, fresh: bool = False) -> list[Any]:
        """The registered versions, the newest first (`training.registry.Version`).

        Raises:
            TrackingError: MLflow is away.
        """
        from training.registry import Registry

        return self._keep("versions", lambda: Registry(start.read(TrackingSettings)).versions(), fresh)

    def drift(self) -> tuple[DriftVerdict, bytes] | None:
        """The last verdict with its report, which is empty where there is none; None before the first check."""
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
    """The one shelf of this server.

    Raises:
        ChatbotError: there is no store or no bundle: says why.
    """
    return Shelf(open_board(), start.read(StaffSettings).refresh_seconds)


def _drift(store: Store) -> tuple[DriftVerdict, bytes] | None:
    try:
        verdict = DriftVerdict.model_validate_json(store.get(LATEST))
    except Missing:
        return None
    except ValidationError as error:
        raise StoreError(f"{LATEST} is no verdict of the drift check: {error}") from error
    if not verdict.report:
        return verdict, b""
    try:
        return verdict, store.get(verdict.report)
    except Missing:
        return verdict, b""
