"""Store review decisions: one object per message, written with optimistic concurrency.

    reviews/<prediction id>.json          a decision on the message of that prediction
    reviews/intents/<intent>.json         an intent that a reviewer created, with its reply
    reviews/labels/<row hash>.json        a decision on the label of a row of the corpus (`training.review.labels`)

Every write is a compare-and-swap on the ETag (conditional put), so concurrent reviewers do not overwrite each
other: the second gets an `AlreadyDecided` with the first decision. Undo writes a `reopened` decision
instead of deleting the object, so the same holds for undo.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import TypeVar

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.replies import fill
from chatbot.documents import Document
from chatbot.errors import ChatbotError, Conflict, InvalidMessage
from chatbot.store import ParsedObjects, Store, get_versioned, layout

FORMAT = 1
MAX_REPLY_CHARS = 2_000

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_MAX_NAME_CHARS = 64


class DecisionKind(StrEnum):
    """A reviewer's decision on a message."""

    ACCEPT = "accept"
    """The bot's top intent is correct."""
    CORRECT = "correct"
    """Another intent is correct."""
    NEW_INTENT = "new-intent"
    """The correct intent is one that a reviewer created in the review."""
    REJECT = "reject"
    """The message is not used for training."""
    REOPENED = "reopened"
    """The decision was undone: the message is in the queue again."""


ACCEPTED = frozenset({DecisionKind.ACCEPT, DecisionKind.CORRECT, DecisionKind.NEW_INTENT})
"""Decisions whose messages become rows of the corpus."""


class _Stored(Document):
    format: int = FORMAT


class ReviewDecision(_Stored):
    """A reviewer's decision on one message, as stored."""

    item_id: str
    """The prediction id; it becomes the source id of the row."""
    message: str
    """The message as in the record, after PII redaction."""
    verdict: DecisionKind
    intent: str = ""
    """The intent of the message; empty if it is rejected or reopened."""
    reviewer: str
    when: datetime
    said: str = ""
    """The bot's top intent."""
    reasons: tuple[str, ...] = ()
    """Why the message was in the queue."""
    model_version: str = ""
    session_id: str = ""
    """The session id of the record; erasure (`forget`) finds the message by it too."""
    duplicates: tuple[str, ...] = ()
    """Prediction ids of the exact and near-duplicates that this decision covers."""
    source: str = ""
    """Of a decision on a label: where the row comes from; erasure finds a reviewed row by it."""


class NewIntent(_Stored):
    """An intent that a reviewer created."""

    intent: str
    reply: str
    category: str = ""
    title: str = ""
    reviewer: str
    when: datetime


class AlreadyDecided(ChatbotError):
    """Conflict: another reviewer has already decided; the text names the reviewer, time and decision."""

    status = 409
    type = "already_decided"

    def __init__(self, decision: ReviewDecision) -> None:
        what = f"{decision.verdict} as {decision.intent}" if decision.intent else str(decision.verdict)
        super().__init__(
            f"{decision.reviewer} decided it at {decision.when:%Y-%m-%d %H:%M} UTC: {what}. "
            "It is unchanged; undo it first to decide otherwise",
            decision.model_dump(mode="json"),
        )
        self.decision = decision


Stored = TypeVar("Stored", ReviewDecision, NewIntent)


class Decisions:
    """All decisions in a store, cached by ETag: an object is read again only if it changed. Thread-safe.

    A read raises a StoreError that names the object if one is not a decision.
    """

    def __init__(self, store: Store) -> None:
        """Configure the store; reads nothing."""
        self.store = store
        self._messages = ParsedObjects(store, partial(_parse, kind=ReviewDecision))
        self._labels = ParsedObjects(store, partial(_parse, kind=ReviewDecision))
        self._intents = ParsedObjects(store, partial(_parse, kind=NewIntent))

    def read(self) -> dict[str, ReviewDecision]:
        """Return every decision by the id of its message, reopened ones included."""
        entries = [
            e for e in self.store.list(layout.REVIEWS) if "/" not in e.key.removeprefix(layout.REVIEWS)
        ]
        return {decision.item_id: decision for decision in self._messages.read(entries).values()}

    def labels(self) -> list[ReviewDecision]:
        """Return every decision on the label of a row, reopened ones included, in the order of time."""
        found = self._labels.read(self.store.list(layout.LABEL_DECISIONS))
        return sorted(found.values(), key=lambda decision: (decision.when, decision.item_id))

    def withdrawn(self) -> set[str]:
        """Return the ids of the messages whose decision is a rejection or was undone."""
        return {item_id for item_id, decision in self.read().items() if decision.verdict not in ACCEPTED}

    def intents(self) -> dict[str, NewIntent]:
        """Return every intent that reviewers created, by name."""
        found = self._intents.read(self.store.list(layout.NEW_INTENTS))
        return {new.intent: new for new in found.values()}

    def decide(self, decision: ReviewDecision) -> ReviewDecision:
        """Write a decision if the message has none, or a reopened one.

        Raises: AlreadyDecided: another decision exists.
        """
        key = key_of(decision.item_id)
        content = _dump(decision)
        try:
            self.store.put(key, content, new=True)
        except Conflict:
            found, etag = self._current(key)
            if found is None:
                return self.decide(decision)
            if found.verdict is not DecisionKind.REOPENED:
                raise AlreadyDecided(found) from None
            self._replace(key, content, etag)
        return decision

    def reopen(self, item_id: str, reviewer: str) -> ReviewDecision:
        """Undo a decision: the message returns to the queue.

        Raises:
            InvalidMessage: there is no decision to undo.
            AlreadyDecided: the decision was changed concurrently.
        """
        key = key_of(item_id)
        found, etag = self._current(key)
        if found is None or found.verdict is DecisionKind.REOPENED:
            raise InvalidMessage(f"{item_id}: no decision to undo")
        reopened = found.model_copy(
            update={"verdict": DecisionKind.REOPENED, "intent": "", "reviewer": reviewer, "when": now()}
        )
        self._replace(key, _dump(reopened), etag)
        return reopened

    def make_intent(self, new: NewIntent) -> NewIntent:
        """Write a new intent. Idempotent for the same name and reply.

        Raises: InvalidMessage: an intent of this name with a different reply exists; the text names its reviewer.
        """
        key = layout.document(layout.NEW_INTENTS, new.intent)
        try:
            self.store.put(key, _dump(new), new=True)
        except Conflict:
            found = _parse(key, self.store.get(key), NewIntent)
            if found.reply != new.reply:
                raise InvalidMessage(
                    f"{found.reviewer} made the intent {new.intent} at {found.when:%Y-%m-%d %H:%M} UTC, with "
                    f"another reply ({found.reply!r}): correct the message to it, or choose another name"
                ) from None
            return found
        return new

    def _current(self, key: str) -> tuple[ReviewDecision | None, str]:
        """Return the current decision and its ETag; None if it does not exist (erased meanwhile)."""
        if (found := get_versioned(self.store, key)) is None:
            return None, ""
        return _parse(key, found[0], ReviewDecision), found[1]

    def _replace(self, key: str, content: bytes, etag: str) -> None:
        try:
            self.store.put(key, content, etag=etag)
        except Conflict:
            found, _ = self._current(key)
            if found is None:
                raise InvalidMessage(f"{key}: it was erased at this moment") from None
            raise AlreadyDecided(found) from None


def key_of(item_id: str) -> str:
    """Return the store key of the decision on a message."""
    return layout.document(layout.REVIEWS, item_id)


def now() -> datetime:
    """Return the current time in UTC, truncated to seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def check_intent(intent: str, known: Iterable[str]) -> str:
    """Return the intent if a message can be labelled with it."""
    if intent != OUT_OF_SCOPE and intent not in (names := frozenset(known)):
        raise InvalidMessage(
            f"{intent!r} is not an intent of this bot: expected one of {', '.join(sorted(names))}, or "
            f"{OUT_OF_SCOPE}; create a new intent with new-intent"
        )
    return intent


def check_new_intent(
    intent: str, reply: str, known: Iterable[str], slots: Mapping[str, str], category: str = ""
) -> str:
    """Validate name, reply and category of a new intent; return the reply as a customer reads it.

    Raises:
        InvalidMessage: the name is invalid or taken, the reply is empty or too long, or the category is too long.
        SettingError: the reply has a slot without a value, or a brace that is not a slot.
    """
    if not _NAME.fullmatch(intent) or len(intent) > _MAX_NAME_CHARS:
        raise InvalidMessage(
            f"{intent!r} is not a name for an intent: lower-case words joined by underscores, such as "
            f"gift_card_balance, at most {_MAX_NAME_CHARS} characters"
        )
    if intent == OUT_OF_SCOPE or intent in frozenset(known):
        raise InvalidMessage(f"the intent {intent} exists: correct the message to it instead")
    if not clean(reply) or len(reply) > MAX_REPLY_CHARS:
        raise InvalidMessage(
            f"the reply of {intent} has {len(clean(reply))} characters: write 1 to {MAX_REPLY_CHARS}"
        )
    if len(category) > _MAX_NAME_CHARS:
        raise InvalidMessage(f"the category of {intent} is longer than {_MAX_NAME_CHARS} characters")
    return fill(reply, slots, f"the reply of {intent}")


def _dump(stored: ReviewDecision | NewIntent) -> bytes:
    return stored.model_dump_json(indent=1).encode() + b"\n"


def _parse(key: str, content: bytes, kind: type[Stored]) -> Stored:
    return kind.from_json(content, f"{key} does not contain a {kind.__name__}")
