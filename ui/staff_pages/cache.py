"""Cache the data of the staff pages, shared by all sessions: several users cost no more reads than one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.model import bundle as bundles
from chatbot.settings import StaffSettings, StorageSettings, TrackingSettings
from chatbot.store import Store, find, layout, open_store
from training.review.board import Board, View, bundle_of_board, open_board
from training.review.handoffs import HandoffCase, HandoffReader
from training.review.labels import LabelQueue, read_label_queue

BUNDLE_SECONDS = 300.0
"""How often the pages look whether another version serves: the look reads the whole bundle, to verify it."""

_cached = st.cache_data(ttl=StaffSettings().refresh_seconds, show_spinner=False)
_shared = st.cache_resource(ttl=StaffSettings().refresh_seconds, show_spinner=False)
"""For what is immutable and long: a copy of thousands of items at each click takes seconds."""


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """Return the store, one per server.

    Raises: SettingError: no store is configured.
    """
    return open_store(StorageSettings())


def board() -> Board:
    """Return the review board, one per server; after a rollout, one with the new bundle.

    Raises: ChatbotError: no store is configured, or there is no bundle.
    """
    return _board(*_bundle())


@st.cache_data(ttl=BUNDLE_SECONDS, show_spinner=False)
def _bundle() -> tuple[str, dict[str, str]]:
    """Return folder and checksums of the bundle to review with."""
    folder = bundle_of_board()
    return str(folder), bundles.read_sums(folder)


@st.cache_resource(max_entries=1, show_spinner="Loading the model…")
def _board(folder: str, sums: dict[str, str]) -> Board:
    return open_board(Path(folder))


@_shared
def view() -> View:
    """Return the review queue and the clusters; `view.clear()` drops them from the cache, here and below."""
    return board().look()


@_shared
def cases() -> list[HandoffCase]:
    """Return the handoffs by conversation. Needs no bundle, like `drift`: people are answered while none is usable."""
    return _handoffs().cases()


@st.cache_resource(show_spinner=False)
def _handoffs() -> HandoffReader:
    return HandoffReader(store())


@_shared
def label_queue() -> LabelQueue:
    """Return the suspect labels that wait for a decision."""
    return read_label_queue(board().store, board().decisions)


@_cached
def intents() -> dict[str, str]:
    """Return the title of every intent, by name."""
    return board().intents()


@_cached
def categories() -> list[str]:
    """Return the categories of all intents."""
    return board().categories()


@_cached
def versions() -> list[Any]:
    """Return the registered versions, newest first (`chatbot.loop.registry.ModelVersion`).

    Raises: TrackingFailed: MLflow is unavailable.
    """
    from training.tracking.registry import Registry

    return list(Registry(TrackingSettings()).versions())


@_cached
def drift() -> tuple[DriftVerdict, bool] | None:
    """Return the latest drift verdict, and whether its report is in the store; None: no check has run."""
    if (content := find(store(), layout.DRIFT_VERDICT)) is None:
        return None
    verdict = DriftVerdict.from_json(content, f"{layout.DRIFT_VERDICT} is not a verdict of the drift check")
    return verdict, bool(verdict.report) and store().head(verdict.report) is not None
