"""Staff pages for tests: a store with real traffic, the pages as a process."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chatbot.ids import new_id
from chatbot.loop.drift_verdict import Check, DriftVerdict, Window
from chatbot.model.bundle import Bundle
from chatbot.records.handoff import Handoff, Likely, Turn, key_of
from chatbot.records.schema import Record
from chatbot.store.folder import FolderStore
from tests.training.review_tools import GARDEN, STRANGE, answer, fill, thumbs_down

TOKEN = "a token of more than twenty characters"
UNSURE = ("my order", "my account", "refund", "payment", "invoice", "address", "delivery", "bill")
HOSTILE = "<img src=x onerror=alert(1)> **bold** [link](javascript:alert(1)) is that you"
MESSAGES = (*UNSURE, *GARDEN, *STRANGE, GARDEN[1] + "!", HOSTILE)
REPORT = (
    b"<!doctype html><html lang='en'><title>Report</title><h1>Report</h1>"
    b"<script>try { parent.document.title = 'taken over' } catch (error) { document.title = 'kept out' }</script>"
    b"<iframe title='summary' sandbox='allow-scripts' srcdoc='<p>Drift in 3 of 9 columns</p>'></iframe>"
    b"<p>" + b"as long as a real one " * 340_000 + b"</p>"
)
"""7.5 MB, as Evidently's are."""


def make_store(folder: Path, bundle: Bundle, messages: Sequence[str] = MESSAGES) -> FolderStore:
    """A store with traffic that the bundle answered, its handoffs, and a red drift verdict."""
    store = FolderStore(folder)
    records = answer(bundle, [*messages])
    disliked = next(r for r in records if r.query == "my order")
    fill(store, records, [thumbs_down(disliked, "get_refund", "I wanted my money back")])
    for record in records:
        if record.handoff:
            store.put(key_of(record.prediction_id), _handoff(record).body())
    store.put("reports/drift/latest.json", drift().model_dump_json().encode())
    store.put("reports/drift/x/drift.html", REPORT)
    return store


def drift() -> DriftVerdict:
    """A red verdict with a report."""
    now = datetime.now(UTC)
    return DriftVerdict(
        verdict="red",
        made=now,
        model_version="7",
        bundle_digest="0" * 64,
        window=Window(since=now - timedelta(days=1), until=now, records=2_143),
        sentence="One message in nine is about a topic missing from the corpus.",
        checks=(
            Check(
                name="scores.mean", against="baseline", statistic=0.9, effect=0.01, threshold=0.04, red=False,
                alarms=True, sentence="The bot is as sure as before.",
            ),
            Check(
                name="scope.low", against="baseline", statistic=0.11, effect=0.08, threshold=0.04, red=True,
                alarms=True, sentence="11 % of the messages are unlike every training message; it was 3 %.",
            ),
        ),
        report="reports/drift/x/drift.html",
    )  # fmt: skip


def _handoff(record: Record) -> Handoff:
    return Handoff(
        prediction_id=record.prediction_id,
        message=record.query,
        summary="The bot was not sure enough.",
        intent=record.intent,
        source="human",
        intents=tuple(Likely(intent=i, confidence=c) for i, c in record.alternatives[:3]),
        conversation=(
            Turn(at=record.timestamp, speaker="customer", text="hello there"),
            Turn(at=record.timestamp, speaker="assistant", text="Hello! How can I help?"),
        ),
        model_version="v1",
    )


def add_handoffs(store: FolderStore, count: int, session: str = "") -> list[str]:
    """Add handoffs, all older than the others, and return their ids; without a session each is a conversation."""
    now, added = datetime.now(UTC).timestamp(), []
    for number in range(count):
        prediction_id = new_id(b"k" * 32, now - 3600 - number)
        handoff = Handoff(
            prediction_id=prediction_id, session_id=session or f"s{number}", message=f"question {number}", summary="",
            intent="out_of_scope", source="human",
        )  # fmt: skip
        store.put(key_of(prediction_id), handoff.body())
        added.append(prediction_id)
    return added
