"""What a retraining would start from, and what drift asked for before: as both who ask for one read it off the store.

`k8s.trigger` asks in a cluster, `monitoring.retrain_if_needed` on one machine; what was asked for lies in the store
(`memory/retrain.json`), for Jobs are cleaned up and machines are changed.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from pydantic import ValidationError

from chatbot import handoff
from chatbot.errors import Missing, StoreError
from chatbot.forgotten import forgotten
from chatbot.storage import Store
from chatbot.verdict import DriftVerdict, RetrainMemory

VERDICT = "reports/drift/latest.json"
MEMORY = "memory/retrain.json"

_REVIEWS = "reviews/"
_TAUGHT = ("accept", "correct", "new-intent")  # `training.review_decisions.Verdict`
_READERS = 16


class Known(NamedTuple):
    """The same again would give the same weights."""

    champion: str
    """`<version>@<bundle digest>`."""
    corpus_digest: str
    """Of the corpus that the champion was trained on; empty: the store has no such bundle."""
    accepted_digest: str
    """Of the rows that people have accepted."""


def read_verdict(store: Store) -> DriftVerdict:
    """The last drift verdict.

    Raises:
        StoreError: the store does not answer, or there is none that can be read (says what writes it).
    """
    try:
        return DriftVerdict.model_validate_json(store.get(VERDICT))
    except Missing:
        raise StoreError(
            f"there is no drift verdict at {VERDICT} of {store}: `python -m monitoring.drift_report` writes it"
        ) from None
    except ValidationError as error:
        raise StoreError(f"{VERDICT} of {store} is no drift verdict: {error.errors()[0]}") from error


def read_known(store: Store, verdict: DriftVerdict) -> Known:
    """What a retraining because of this verdict would start from.

    Raises:
        StoreError: the store does not answer, or holds what is no decision (named).
    """
    champion = f"{verdict.model_version}@{verdict.bundle_digest}"
    return Known(champion, _corpus_digest(store, verdict.bundle_digest), accepted_digest(store))


def accepted_digest(store: Store) -> str:
    """A name for the rows that people accepted and nobody asked to forget; who decided and when does not change it.

    Raises:
        StoreError: the store does not answer, or holds what is no decision (named).
    """
    gone = forgotten(store)
    found = (entry.key for entry in store.list(_REVIEWS))
    keys = [key for key in found if key.endswith(".json") and not key.startswith(handoff.WORK)]
    with ThreadPoolExecutor(_READERS) as readers:
        decisions = list(readers.map(lambda key: _decision(store, key), keys))
    rows = sorted(
        [str(d.get(name, "")) for name in ("item_id", "message", "intent", "reply")]
        for d in decisions
        # An intent that was made in the review has a reply and no message.
        if "reply" in d
        or (d.get("verdict") in _TAUGHT and gone.isdisjoint((d.get("item_id"), d.get("session_id"))))
    )
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:32]


def read_memory(store: Store) -> tuple[RetrainMemory, str]:
    """What was asked for before, and its etag; empty where nothing was.

    Raises:
        StoreError: the store does not answer, or holds what nobody wrote (says what deleting it means).
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
    """Keep it in the place of what was read with this etag; the new etag.

    Raises:
        Conflict: somebody else wrote meanwhile.
        StoreError: the store does not answer.
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
    except Missing:  # forgotten since it was listed
        return {}
    except ValueError as error:
        raise StoreError(f"{key} of {store} is no decision of a reviewer: {error}") from error
