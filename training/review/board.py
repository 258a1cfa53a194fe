"""Review operations for the command and the staff page: read the queue, decide, create intents, undo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.errors import ChatbotError, InvalidMessage
from chatbot.model import bundle as bundles
from chatbot.model.bundle import Bundle
from chatbot.settings import (
    ReviewSettings,
    ServiceSettings,
    SlotSettings,
    StorageSettings,
    TrackingSettings,
)
from chatbot.store import Store, open_store
from training.review.bundle import find_bundle
from training.review.clusters import MessageCluster, find_clusters
from training.review.decisions import (
    AlreadyDecided,
    DecisionKind,
    Decisions,
    NewIntent,
    ReviewDecision,
    check_intent,
    check_new_intent,
    key_of,
    now,
)
from training.review.declared import read_stored, renamed
from training.review.queue import Item, Queue, read_queue

_MAX_LOOKUPS = 10


@dataclass(frozen=True, slots=True)
class View:
    """Snapshot of the queue with its clusters."""

    queue: Queue
    clusters: tuple[MessageCluster, ...]

    @property
    def has_traffic(self) -> bool:
        """Whether customers wrote anything in the period, or a decision says that they did before."""
        return bool(self.queue.records or self.queue.decided)

    def item(self, item_id: str) -> Item:
        """Return the queued item with this id, or the item that has it as a duplicate."""
        for item in self.queue.items:
            if item.item_id == item_id or item_id in item.duplicates:
                return item
        raise InvalidMessage(
            f"message {item_id} is not in the queue: it has a decision, was erased, or is too old"
        )

    def cluster(self, name: str) -> MessageCluster:
        """Return the cluster with this name."""
        for cluster in self.clusters:
            if cluster.name == name:
                return cluster
        names = ", ".join(cluster.name for cluster in self.clusters) or "none"
        raise InvalidMessage(f"no cluster {name!r}; known clusters: {names}")


@dataclass(frozen=True, slots=True)
class BulkDecision:
    """Outcome of one decision on several messages."""

    decided: list[ReviewDecision] = field(default_factory=list)
    before: list[AlreadyDecided] = field(default_factory=list)
    """Conflicts with decisions of other reviewers, which are unchanged."""
    error: ChatbotError | None = None
    """Why it stopped before the end; the other messages have no decision."""


class Board:
    """Review operations on one store and one bundle. Thread-safe.

    A decision raises InvalidMessage if its intent does not exist, and AlreadyDecided after another reviewer's.
    """

    def __init__(
        self, store: Store, bundle: Bundle, settings: ReviewSettings, slots: Mapping[str, str]
    ) -> None:
        """Configure the board; reads nothing from the store. `slots` are values that fill the slots of replies.

        The bundle supplies the intents that messages can be corrected to, and the encoder for clustering.
        """
        self.store = store
        self.bundle = bundle
        self.decisions = Decisions(store)
        self._settings = settings
        self._slots = dict(slots)
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def look(self) -> View:
        """Read the current queue and its clusters."""
        queue = read_queue(self.store, self._settings, self.decisions)
        queue = renamed(queue, read_stored(self.store), frozenset(self.bundle.manifest.labels))
        clusters = find_clusters(queue, self._encode)
        names = {item.item_id: cluster.name for cluster in clusters for item in cluster.items}
        return View(queue.with_clusters(names), tuple(clusters))

    def intents(self) -> dict[str, str]:
        """Return every intent with its title: those of the bundle, and those created in the review."""
        texts = self.bundle.replies.texts
        titles = {intent: texts[intent].title or _in_words(intent) for intent in self.bundle.manifest.labels}
        made = self.decisions.intents()
        # The bundle's come first, and their titles count.
        return titles | {name: new.title or _in_words(name) for name, new in made.items()} | titles

    def categories(self) -> list[str]:
        """Return the existing categories of intents, sorted."""
        found = {text.category for text in self.bundle.replies.texts.values()}
        return sorted((found | {new.category for new in self.decisions.intents().values()}) - {""})

    def accept(self, item: Item, reviewer: str) -> ReviewDecision:
        """Record that the bot's top intent is correct."""
        return self.correct(item, item.intent, reviewer)

    def correct(self, item: Item, intent: str, reviewer: str) -> ReviewDecision:
        """Record the correct intent, or `out_of_scope`."""
        check_intent(intent, self.intents())
        verdict = DecisionKind.ACCEPT if intent == item.intent else DecisionKind.CORRECT
        return self._decide(item, verdict, intent, reviewer)

    def reject(self, item: Item, reviewer: str) -> ReviewDecision:
        """Record that the message is not used for training."""
        return self._decide(item, DecisionKind.REJECT, "", reviewer)

    def preview(self, intent: str, reply: str, category: str = "") -> str:
        """Validate a new intent and return its reply as a customer will read it; raises as `check_new_intent`."""
        return check_new_intent(intent, reply, self.bundle.manifest.labels, self._slots, category)

    def new_intent(
        self,
        items: Sequence[Item],
        intent: str,
        reply: str,
        reviewer: str,
        category: str = "",
        title: str = "",
    ) -> BulkDecision:
        """Create an intent and assign these messages to it.

        Raises: InvalidMessage: see `preview`; or another reviewer created this intent with a different reply.
        """
        self.preview(intent, reply, category)
        texts: dict[str, Any] = {"reply": reply.strip(), "category": category.strip(), "title": title.strip()}
        self.decisions.make_intent(NewIntent(intent=intent, reviewer=reviewer, when=now(), **texts))
        return self._decide_all(items, DecisionKind.NEW_INTENT, intent, reviewer)

    def correct_all(self, items: Sequence[Item], intent: str, reviewer: str) -> BulkDecision:
        """Correct several messages; an empty intent rejects them.

        Concurrent decisions of other reviewers are kept and reported in the outcome, and so is an error half way.
        """
        if intent:
            check_intent(intent, self.intents())
        kind = DecisionKind.CORRECT if intent else DecisionKind.REJECT
        return self._decide_all(items, kind, intent, reviewer)

    def undo(self, item_id: str, reviewer: str) -> ReviewDecision:
        """Undo a decision."""
        return self.decisions.reopen(item_id, reviewer)

    def _encode(self, messages: Sequence[str]) -> NDArray[np.float32]:
        """Encode the messages that the previous look did not; encoding all takes seconds, at each undo."""
        new = [message for message in dict.fromkeys(messages) if message not in self._vectors]
        known = dict(self._vectors)
        if new:
            known |= zip(new, self.bundle.encoder.encode(new).vectors, strict=True)
        self._vectors = {message: known[message] for message in messages}
        return np.stack([known[message] for message in messages])

    def _decide_all(
        self, items: Iterable[Item], verdict: DecisionKind, intent: str, reviewer: str
    ) -> BulkDecision:
        outcome = BulkDecision()
        for item in items:
            try:
                outcome.decided.append(self._decide(item, verdict, intent, reviewer))
            except AlreadyDecided as error:
                outcome.before.append(error)
            except ChatbotError as error:
                return replace(outcome, error=error)
        return outcome

    def _decide(self, item: Item, verdict: DecisionKind, intent: str, reviewer: str) -> ReviewDecision:
        if not reviewer.strip():
            raise InvalidMessage("a decision needs the name of its reviewer")
        # Another reviewer's snapshot of the queue may have shown a duplicate in place of this item.
        for other in item.duplicates[:_MAX_LOOKUPS]:
            if self.store.head(key_of(other)) is not None:
                found = self.decisions.read().get(other)
                if found is not None and found.verdict is not DecisionKind.REOPENED:
                    raise AlreadyDecided(found)
        return self.decisions.decide(
            ReviewDecision(
                item_id=item.item_id,
                message=item.message,
                verdict=verdict,
                intent=intent,
                reviewer=reviewer.strip(),
                when=now(),
                said=item.intent,
                reasons=tuple(reason.value for reason in item.reasons),
                model_version=item.model_version,
                session_id=item.session_id,
                duplicates=item.duplicates,
            )
        )


def bundle_of_board() -> Path:
    """Return the folder of the bundle that `open_board` uses now.

    Raises: BundleError: no usable bundle was found.
    """
    return find_bundle(open_store(StorageSettings()), ServiceSettings(), TrackingSettings())


def open_board(folder: Path | None = None) -> Board:
    """Open the board configured by the environment; `folder`: of its bundle, where the caller knows it.

    Raises: BundleError: no usable bundle was found.
    """
    bundle = bundles.load(folder or bundle_of_board())
    return Board(open_store(StorageSettings()), bundle, ReviewSettings(), SlotSettings().values())


def queue_length(store: Store) -> int:
    """Count the messages in the review queue. Needs no bundle."""
    return len(read_queue(store, ReviewSettings()).items)


def _in_words(intent: str) -> str:
    return "Out of scope" if intent == OUT_OF_SCOPE else intent.replace("_", " ").capitalize()
