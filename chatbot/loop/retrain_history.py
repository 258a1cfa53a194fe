"""Keep the history of retrain requests, and the inputs of each, in the store.

The history is in the store (`memory/retrain.json`), because Jobs are garbage-collected and machines are replaced.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from chatbot.documents import Document
from chatbot.errors import Missing, StoreError
from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.records.erasure import forgotten
from chatbot.store import Store, find, get_all, get_versioned, layout

FORMAT: Literal[1] = 1
MAX_REQUESTS = 200
REQUESTED = "asked"
DONE = "done"
BEGUN, FAILED, BUSY = "begun", "failed", "busy"
"""Outcomes of a retrain without a result: the same drift may trigger another request."""
_POD_BASE_CHARS = 58

_LABELS = layout.LABEL_DECISIONS.removeprefix(layout.REVIEWS)
_RELABELLED = ("correct", "reject")
_TAUGHT = ("accept", "correct", "new-intent")  # `training.review.decisions.Verdict`


class RetrainInputs(NamedTuple):
    """Inputs of a retrain; equal inputs give equal weights."""

    champion: str
    """`<version>@<bundle digest>`."""
    corpus_digest: str
    """Digest of the corpus that the champion was trained on; empty: the store does not hold its bundle."""
    accepted_digest: str
    """Digest of the rows that reviewers accepted."""


class RetrainRequest(Document):
    """A retrain request: its inputs, the drift that caused it, and its outcome.

    Attributes:
        outcome: `asked` (a Job was created), `done` (it completed), `begun`, `failed` (also: the Job is gone, and
            nobody saw its end), or the result of the retrain: accepted, refused, needs_review, busy.
        job: name of the Job; empty on one machine.
    """

    when: datetime
    champion: str
    corpus_digest: str
    accepted_digest: str
    red_checks: tuple[str, ...]
    outcome: str = "asked"
    job: str = ""

    @property
    def inputs(self) -> RetrainInputs:
        """Return the inputs of the retrain."""
        return RetrainInputs(self.champion, self.corpus_digest, self.accepted_digest)

    def is_for(self, inputs: RetrainInputs, red_checks: tuple[str, ...]) -> bool:
        """Whether it was made with these inputs for exactly this drift."""
        return self.inputs == inputs and self.red_checks == red_checks

    def runs_in(self, pod: str) -> bool:
        """Whether this is the name of a pod of its Job: that of the Job, cut, and five random characters."""
        return bool(self.job) and pod[:-5] == f"{self.job}-"[:_POD_BASE_CHARS]


class RetrainHistory(Document):
    """Content of memory/retrain.json: the retrain requests, the latest last."""

    format: Literal[1] = FORMAT
    asked: tuple[RetrainRequest, ...] = Field(default=(), max_length=MAX_REQUESTS)

    def add(
        self,
        inputs: RetrainInputs,
        red_checks: tuple[str, ...],
        now: datetime,
        outcome: str = REQUESTED,
        job: str = "",
    ) -> RetrainHistory:
        """Return the history with another request; replaces a `begun` entry of the same drift and inputs."""
        entry = RetrainRequest(when=now, **inputs._asdict(), red_checks=red_checks, outcome=outcome, job=job)
        kept = [old for old in self.asked if old.outcome != BEGUN or not old.is_for(inputs, red_checks)]
        return RetrainHistory(asked=tuple([*kept, entry][-MAX_REQUESTS:]))

    def with_outcomes(self, outcome_of: Callable[[RetrainRequest], str]) -> RetrainHistory:
        """Return the history in which the requests that are still `asked` have this outcome."""
        return RetrainHistory(
            asked=tuple(
                entry.model_copy(update={"outcome": outcome_of(entry)})
                if entry.outcome == REQUESTED
                else entry
                for entry in self.asked
            )
        )


def read_history(store: Store) -> tuple[RetrainHistory, str]:
    """Read the request history and its ETag; both empty if there is none.

    Raises: StoreError: the store does not respond, or the history is invalid (states the effect of deleting it).
    """
    if (found := get_versioned(store, layout.RETRAIN_HISTORY)) is None:
        return RetrainHistory(), ""
    try:
        return RetrainHistory.model_validate_json(found[0]), found[1]
    except ValidationError as error:
        raise StoreError(
            f"{layout.RETRAIN_HISTORY} of {store} cannot be read: {error.errors()[0]}. Delete it: the history of "
            "requests is then lost, and the next drift counts as new"
        ) from error


def write_history(store: Store, history: RetrainHistory, etag: str) -> str:
    """Write the request history with optimistic concurrency (compare-and-swap on the ETag).

    Args:
        etag: ETag from `read_history`; empty: there was no history.

    Raises: Conflict: the history was changed concurrently.
    """
    return store.put(
        layout.RETRAIN_HISTORY, history.model_dump_json(indent=1).encode(), new=not etag, etag=etag
    )


def record_busy(store: Store, pod: str) -> None:
    """Record that the retrain in this pod found another one running; nothing if no request is of its Job.

    Raises: Conflict: the history was changed concurrently.
    """
    history, etag = read_history(store)
    revised = history.with_outcomes(lambda entry: BUSY if entry.runs_in(pod) else entry.outcome)
    if revised != history:
        write_history(store, revised, etag)


def read_inputs(store: Store, verdict: DriftVerdict) -> RetrainInputs:
    """Read the inputs of a retrain that this drift verdict would trigger."""
    champion = f"{verdict.model_version}@{verdict.bundle_digest}"
    return RetrainInputs(champion, _corpus_digest(store, verdict.bundle_digest), accepted_digest(store))


def accepted_digest(store: Store) -> str:
    """Compute a digest of what people changed in the corpus: rows that are not erased, labels, declared changes.

    It is independent of reviewer and time.
    """
    gone = forgotten(store)
    found = (entry.key for entry in store.list(layout.REVIEWS))
    keys = [key for key in found if key.endswith(".json") and not key.startswith(layout.HANDOFF_WORK)]
    decisions = [_decision(f"{key} of {store}", content) for key, content in get_all(store, keys).items()]
    rows = sorted(
        [str(d.get(name, "")) for name in ("item_id", "message", "intent", "reply")]
        for d in decisions
        # An intent created in the review has a reply and no message.
        if "reply" in d
        or (d.get("verdict") in _kinds(d) and gone.isdisjoint((d.get("item_id"), d.get("session_id"))))
    )
    return hashlib.sha256(json.dumps(rows + _declared(store)).encode()).hexdigest()[:32]


def _kinds(decision: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the verdicts that change the corpus; on a row's label: every verdict except a confirmation."""
    is_label = str(decision.get("item_id", "")).startswith(_LABELS)
    return _RELABELLED if is_label else _TAUGHT


def _declared(store: Store) -> list[list[str]]:
    content = find(store, layout.DECLARED)
    return [] if content is None else [[layout.DECLARED, content.decode("utf-8", "replace")]]


def _corpus_digest(store: Store, bundle_digest: str) -> str:
    try:
        manifest = store.get(layout.bundle_file(bundle_digest or "none", "model.json"))
        return str(json.loads(manifest).get("corpus_digest", ""))
    except (Missing, ValueError):
        return ""


def _decision(where: str, content: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(content))
    except ValueError as error:
        raise StoreError(f"{where} is not a decision of a reviewer: {error}") from error
