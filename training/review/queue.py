"""Build the review queue (active learning): uncertain or negatively rated messages, de-duplicated and ranked.

Exact and near-duplicates form one item with a count. Messages with a decision, their near-duplicates and
erased messages are excluded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chatbot.dialog.message import OUT_OF_SCOPE, has_words
from chatbot.records.log_store import read_feedback, scan
from chatbot.records.schema import Feedback, Record, from_row
from chatbot.settings import ReviewSettings
from chatbot.store import Store
from data.messages import normalise
from data.similarity import groups
from training.review.decisions import DecisionKind, Decisions, ReviewDecision

COLUMNS = (
    "timestamp", "query", "intent", "confidence", "prediction_id", "session_id", "model_version", "source",
    "scope", "alternatives",
)  # fmt: skip
"""Columns of a record that the queue reads."""
MAX_DUPLICATES = 100
"""Maximum number of duplicate ids per item; the item's count includes all duplicates."""


class Reason(StrEnum):
    """Why a message is in the queue."""

    THUMBS_DOWN = "thumbs_down"
    """A customer rated the answer as not helpful, or named another intent."""
    LOW_CONFIDENCE = "low_confidence"
    """The bot asked for clarification, handed over, or answered with low confidence."""
    NEAR_TIE = "near_tie"
    """The confidences of the top two intents are close (margin sampling)."""
    OUT_OF_SCOPE = "out_of_scope"
    """The bot predicted `out_of_scope`: the message is unlike the training messages."""
    NEW_CLUSTER = "new_cluster"
    """The message is in a cluster that no intent covers (`training.review.clusters`)."""


_PRIORITY = {
    Reason.THUMBS_DOWN: 4.0,
    Reason.NEW_CLUSTER: 3.0,
    Reason.NEAR_TIE: 2.0,
    Reason.LOW_CONFIDENCE: 2.0,
    Reason.OUT_OF_SCOPE: 1.0,
}


@dataclass(frozen=True, slots=True)
class Item:
    """One message to review.

    Attributes:
        item_id: id of the earliest prediction; the source id of the row that the message may become.
        intent: the bot's top intent; empty if a rule without an intent decided.
        scope: the out-of-distribution score; None if the model did not run.
        source: what produced the reply (`rule`, `model`, `clarify`, `human`).
        count: number of occurrences, near-duplicates included.
        duplicates: prediction ids of the other occurrences, at most `MAX_DUPLICATES`.
        suggested: the intent that customers named most often; empty if none.
        comments: customers' comments on the answer, after PII redaction.
    """

    item_id: str
    message: str
    when: datetime
    intent: str
    confidence: float
    scope: float | None
    source: str
    alternatives: tuple[tuple[str, float], ...]
    model_version: str
    session_id: str
    reasons: tuple[Reason, ...]
    count: int = 1
    duplicates: tuple[str, ...] = ()
    suggested: str = ""
    comments: tuple[str, ...] = ()
    cluster: str = ""

    @property
    def priority(self) -> float:
        """Priority in the queue; higher is shown first."""
        return sum(_PRIORITY[reason] for reason in self.reasons) + math.log2(1 + self.count)


@dataclass(frozen=True, slots=True)
class Queue:
    """The review queue; `omitted` distinct messages are beyond the limit in the settings, `decided` have a decision."""

    items: tuple[Item, ...]
    omitted: int = 0
    decided: int = 0
    records: int = 0
    """Records of the period that the queue covers, worth a look or not; 0: there was no traffic."""

    @property
    def by_reason(self) -> dict[str, int]:
        """Number of items per reason; an item with two reasons counts for both."""
        counts = Counter(reason for item in self.items for reason in item.reasons)
        return {reason.value: counts[reason] for reason in Reason if counts[reason]}

    def with_clusters(self, of: Mapping[str, str]) -> Queue:
        """Return the queue with clusters set, by item id, and the order updated."""
        items = [
            replace(item, cluster=of[item.item_id], reasons=(*item.reasons, Reason.NEW_CLUSTER))
            if item.item_id in of
            else item
            for item in self.items
        ]
        return replace(self, items=tuple(sorted(items, key=_order)))


def read_queue(store: Store, settings: ReviewSettings, decisions: Decisions | None = None) -> Queue:
    """Build the review queue from the records, feedback and decisions in a store; `decisions` reuses their cache."""
    until = datetime.now(UTC) + timedelta(minutes=5)  # clocks of replicas differ
    since = until - timedelta(days=settings.days)
    feedback = read_feedback(store, since, until)
    decided = (decisions or Decisions(store)).read()
    total, kept = 0, []
    for table in scan(store, Record, since, until, COLUMNS):
        total += table.num_rows
        kept.append(_doubtful(table, feedback, settings))
    records = (from_row(Record, row) for table in kept for row in table.to_pylist())
    return replace(make_queue(records, feedback, decided, settings), records=total)


def make_queue(
    records: Iterable[Record],
    feedback: Mapping[str, Feedback],
    decided: Mapping[str, ReviewDecision],
    settings: ReviewSettings,
) -> Queue:
    """Build the review queue from records in any order, each once, and the latest feedback by prediction id."""
    closed = {key: d for key, d in decided.items() if d.verdict is not DecisionKind.REOPENED}
    known = {normalise(decision.message) for decision in closed.values()}
    ids = set(closed).union(*(decision.duplicates for decision in closed.values()))
    exact: dict[str, _Occurrences] = {}
    for record in records:
        said = feedback.get(record.prediction_id)
        reasons = reasons_for(record, said, settings)
        text = normalise(record.query)
        if reasons and text not in known and record.prediction_id not in ids and has_words(text):
            exact.setdefault(text, _Occurrences()).add(record, reasons, said)
    found = sorted((same.item() for same in exact.values()), key=_order)
    kept = found[: settings.max_messages]
    items = sorted(_merge(kept, [decision.message for decision in closed.values()]), key=_order)
    return Queue(tuple(items), len(found) - len(kept), len(closed))


def reasons_for(record: Record, feedback: Feedback | None, settings: ReviewSettings) -> tuple[Reason, ...]:
    """Return the reasons to review a record; empty if there are none."""
    reasons = []
    if feedback is not None and (
        not feedback.helpful or (feedback.intent and feedback.intent != record.intent)
    ):
        reasons.append(Reason.THUMBS_DOWN)
    if record.scope is None:  # a rule decided, or there was nothing to decide on
        return tuple(reasons)
    if record.intent == OUT_OF_SCOPE:
        reasons.append(Reason.OUT_OF_SCOPE)
    elif record.source in ("human", "clarify") or record.confidence < settings.confidence:
        reasons.append(Reason.LOW_CONFIDENCE)
    if len(record.alternatives) > 1 and record.intent != OUT_OF_SCOPE:
        (_, first), (_, second), *_ = record.alternatives
        if first - second < settings.margin:
            reasons.append(Reason.NEAR_TIE)
    return tuple(reasons)


@dataclass(slots=True)
class _Occurrences:
    """Accumulates the records of one normalised message."""

    first: Record | None = None
    ids: list[str] = field(default_factory=list)
    count: int = 0
    reasons: dict[Reason, None] = field(default_factory=dict)
    suggested: Counter[str] = field(default_factory=Counter)
    comments: list[str] = field(default_factory=list)

    def add(self, record: Record, reasons: Collection[Reason], feedback: Feedback | None) -> None:
        self.count += 1
        self.reasons.update(dict.fromkeys(reasons))
        if len(self.ids) <= MAX_DUPLICATES:
            self.ids.append(record.prediction_id)
        if self.first is None or record.prediction_id < self.first.prediction_id:
            self.first = record
        if feedback is not None:
            if feedback.intent and feedback.intent != record.intent:
                self.suggested[feedback.intent] += 1
            if feedback.comment:
                self.comments.append(feedback.comment)

    def item(self) -> Item:
        record = self.first
        if record is None:
            raise ValueError("this message has no records")
        likeliest = record.alternatives[0][0] if record.alternatives else record.intent
        return Item(
            record.prediction_id,
            record.query,
            record.timestamp,
            likeliest,
            record.confidence,
            record.scope,
            record.source,
            record.alternatives,
            record.model_version,
            record.session_id,
            tuple(self.reasons),
            self.count,
            tuple(sorted(set(self.ids) - {record.prediction_id})[:MAX_DUPLICATES]),
            self.suggested.most_common(1)[0][0] if self.suggested else "",
            tuple(dict.fromkeys(self.comments))[:5],
        )


def _merge(items: Sequence[Item], decided: Sequence[str]) -> Iterator[Item]:
    """Merge near-duplicates into one item per group; skip groups that contain a decided message."""
    if not items:
        return
    messages = [*(item.message for item in items), *decided]
    group_of = groups(messages, [""] * len(messages))
    closed = set(group_of[len(items) :].tolist())
    together: dict[Any, list[Item]] = {}
    for item, group in zip(items, group_of[: len(items)].tolist(), strict=True):
        if group not in closed:
            together.setdefault(group, []).append(item)
    for same in together.values():
        yield _as_one(sorted(same, key=lambda item: item.item_id))


def _as_one(same: Sequence[Item]) -> Item:
    """Merge near-duplicates into the earliest item, which stays the same while more duplicates arrive."""
    first = same[0]
    if len(same) == 1:
        return first
    others = [name for item in same for name in (item.item_id, *item.duplicates) if name != first.item_id]
    return replace(
        first,
        reasons=tuple(dict.fromkeys(reason for item in same for reason in item.reasons)),
        count=sum(item.count for item in same),
        duplicates=tuple(others[:MAX_DUPLICATES]),
        suggested=next((item.suggested for item in same if item.suggested), ""),
        comments=tuple(dict.fromkeys(c for item in same for c in item.comments))[:5],
    )


def _order(item: Item) -> tuple[float, str]:
    return -item.priority, item.item_id


def _doubtful(table: pa.Table, feedback: Collection[str], settings: ReviewSettings) -> pa.Table:
    """Return the records that may be in the queue; confident ones are filtered out in columnar form."""
    unsure = pc.is_in(table["source"], value_set=pa.array(["human", "clarify"]))
    # In a near tie, the top confidence is at most (1 + margin) / 2.
    least = max(settings.confidence, (1 + settings.margin) / 2)
    rated = pc.is_in(table["prediction_id"], value_set=pa.array(feedback, pa.string()))
    return table.filter(pc.or_(pc.or_(unsure, pc.less(table["confidence"], least)), rated))
