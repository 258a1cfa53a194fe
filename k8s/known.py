"""What a retraining would start from, read off the store alone: the served bundle, its corpus, the accepted rows."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from chatbot.errors import Missing, StoreError
from chatbot.storage import Store
from chatbot.verdict import DriftVerdict

REVIEWS = "reviews/"
FORGOTTEN = "forgotten/"
_TAUGHT = ("accept", "correct", "new-intent")
_READERS = 16


class Known(NamedTuple):
    """The same again would give the same weights."""

    champion: str
    """`<version>@<bundle digest>`."""
    corpus_digest: str
    accepted_digest: str


def read(store: Store, verdict: DriftVerdict) -> Known:
    """What a retraining because of this verdict would start from.

    Raises:
        StoreError: the store does not answer, or holds what is no decision (named).
    """
    champion = f"{verdict.model_version}@{verdict.bundle_digest}"
    return Known(champion, corpus_digest(store, verdict.bundle_digest), accepted_digest(store))


def corpus_digest(store: Store, bundle_digest: str) -> str:
    """Of the corpus that a bundle was trained on; empty: the store has no such bundle, or none was named."""
    if not bundle_digest:
        return ""
    try:
        return str(json.loads(store.get(f"bundles/{bundle_digest}/model.json")).get("corpus_digest", ""))
    except (Missing, ValueError):
        return ""


def accepted_digest(store: Store) -> str:
    """A name for the rows that people accepted and nobody asked to forget; who decided and when does not change it."""
    gone = {entry.key.removeprefix(FORGOTTEN).removesuffix(".json") for entry in store.list(FORGOTTEN)}
    keys = [entry.key for entry in store.list(REVIEWS) if entry.key.endswith(".json")]
    with ThreadPoolExecutor(_READERS) as readers:
        decisions = list(readers.map(lambda key: _decision(store, key), keys))
    rows = sorted(
        (
            str(d.get("item_id", "")),
            str(d.get("message", "")),
            str(d.get("intent", "")),
            str(d.get("reply", "")),
        )
        for d in decisions
        if (d.get("verdict") in _TAUGHT and d.get("item_id") not in gone) or "reply" in d
    )
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:32]


def _decision(store: Store, key: str) -> dict[str, Any]:
    try:
        return dict(json.loads(store.get(key)))
    except Missing:
        return {}
    except ValueError as error:
        raise StoreError(f"{key} of {store} is no decision of a reviewer: {error}") from error
