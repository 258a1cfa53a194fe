"""Retrain inputs and request history in the store, shared by `k8s.trigger` and `monitoring.retrain_if_needed`.

`k8s.trigger` requests retraining in a cluster, `monitoring.retrain_if_needed` on a single machine. The history is in
the store (`memory/retrain.json`), because Jobs are garbage-collected and machines are replaced.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from pydantic import ValidationError

from chatbot.errors import Missing, StoreError
from chatbot.loop.drift_verdict import DriftVerdict, RetrainMemory
from chatbot.records import handoff
from chatbot.records.erasure import forgotten
from chatbot.store import Store

VERDICT = "reports/drift/latest.json"
MEMORY = "memory/retrain.json"

_REVIEWS = "reviews/"
_TAUGHT = ("accept", "correct", "new-intent")  # `training.review.decisions.Verdict`
_READERS = 16


class Known(NamedTuple):
    """Inputs of a retrain; equal inputs give equal weights."""

    champion: str
    """`<version>@<bundle digest>`."""
    corpus_digest: str
    """Digest of the corpus that the champion was trained on; empty: the store does not hold its bundle."""
    accepted_digest: str
    """Digest of the rows that reviewers accepted."""


def read_verdict(store: Store) -> DriftVerdict:
    """Read the latest drift verdict.

    Raises:
        StoreError: the store does not respond, or the verdict is missing (names the command that writes it) or
            invalid.
    """
    try:
        return DriftVerdict.model_validate_json(store.get(VERDICT))
    except Missing:
        raise StoreError(
            f"there is no drift verdict at {VERDICT} of {store}: `python -m monitoring.drift_report` writes it"
        ) from None
    except ValidationError as error:
        raise StoreError(f"{VERDICT} of {store} is not a drift verdict: {error.errors()[0]}") from error


def read_known(store: Store, verdict: DriftVerdict) -> Known:
    """Read the inputs of a retrain that this drift verdict would trigger.

    Raises:
        StoreError: the store does not respond, or holds an invalid decision (it is named).
    """
    champion = f"{verdict.model_version}@{verdict.bundle_digest}"
    return Known(champion, _corpus_digest(store, verdict.bundle_digest), accepted_digest(store))


def accepted_digest(store: Store) -> str:
    """Compute a digest of the accepted rows that are not erased; independent of reviewer and time.

    Raises:
        StoreError: the store does not respond, or holds an invalid decision (it is named).
    """
    gone = forgotten(store)
    found = (entry.key for entry in store.list(_REVIEWS))
    keys = [key for key in found if key.endswith(".json") and not key.startswith(handoff.WORK)]
    with ThreadPoolExecutor(_READERS) as readers:
        decisions = list(readers.map(lambda key: _decision(store, key), keys))
    rows = sorted(
        [str(d.get(name, "")) for name in ("item_id", "message", "intent", "reply")]
        for d in decisions
        # An intent created in the review has a reply and no message.
        if "reply" in d
        or (d.get("verdict") in _TAUGHT and gone.isdisjoint((d.get("item_id"), d.get("session_id"))))
    )
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:32]


def read_memory(store: Store) -> tuple[RetrainMemory, str]:
    """Read the request history and its ETag; both empty if there is none.

    Raises:
        StoreError: the store does not respond, or the history is invalid (states the effect of deleting it).
    """
    entry = store.head(MEMORY)
    if entry is None:
        return RetrainMemory(), ""
    try:
        return RetrainMemory.model_validate_json(store.get(MEMORY, etag=entry.etag)), entry.etag
    except ValidationError as error:
        raise StoreError(
            f"{MEMORY} of {store} cannot be read: {error.errors()[0]}. Delete it, and what was asked for before is "
            "forgotten: the next drift is new"
        ) from error


def write_memory(store: Store, memory: RetrainMemory, etag: str) -> str:
    """Write the request history with optimistic concurrency (compare-and-swap on the ETag).

    Args:
        store: destination.
        memory: the new history.
        etag: ETag from `read_memory`; empty: there was no history.

    Returns:
        The new ETag.

    Raises:
        Conflict: the history was changed concurrently.
        StoreError: the store does not respond.
    """
    return store.put(MEMORY, memory.model_dump_json(indent=1).encode(), new=not etag, etag=etag)


def _corpus_digest(store: Store, bundle_digest: str) -> str:
    try:
        manifest = store.get(f"bundles/{bundle_digest or 'none'}/model.json")
        return str(json.loads(manifest).get("corpus_digest", ""))
    except (Missing, ValueError):
        return ""


def _decision(store: Store, key: str) -> dict[str, Any]:
    try:
        return dict(json.loads(store.get(key)))
    except Missing:  # erased since it was listed
        return {}
    except ValueError as error:
        raise StoreError(f"{key} of {store} is not a decision of a reviewer: {error}") from error
