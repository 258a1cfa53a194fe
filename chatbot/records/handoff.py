"""Build a handoff: the JSON document about one message that a human takes over, for webhook, store and staff page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from chatbot.dialog.router import Reply
from chatbot.documents import Document
from chatbot.ids import time_of
from chatbot.records.erasure import is_after_erasure
from chatbot.records.schema import Record
from chatbot.store import layout

TYPE = "handoff.created"


class Turn(Document):
    """An earlier message or reply of the conversation."""

    at: datetime
    speaker: str
    """`customer` or `assistant`."""
    text: str
    """Text; PII in the customer's messages is redacted."""
    prediction_id: str = ""
    """Prediction of this message and reply: erasure finds the turn by it."""


class Likely(Document):
    """A candidate intent with its confidence."""

    intent: str
    title: str = ""
    confidence: float


class Handoff(Document):
    """A message that a human has to answer.

    Contains no PII except what the PII redaction (`chatbot.privacy`) does not detect.
    """

    prediction_id: str
    session_id: str = ""
    """Pseudonym of the session, the same as in the inference log."""
    message: str
    """The message, PII redacted."""
    summary: str
    """One sentence for the agent."""
    intent: str
    source: str
    """`rule`: a rule requires a human. `human`: the bot abstained."""
    rule: str = ""
    """Name of the rule; `denied_request`: the message denies its likeliest intent."""
    intents: tuple[Likely, ...] = ()
    """Candidate intents, the most likely first."""
    conversation: tuple[Turn, ...] = ()
    """Earlier turns, the oldest first; only those that the same process answered."""
    model_version: str = ""

    @classmethod
    def of(cls, reply: Reply, record: Record, conversation: tuple[Turn, ...] = ()) -> Handoff:
        """Build the handoff of a reply with `handoff` set.

        Args:
            record: the reply's record; its message is redacted.
        """
        prediction = reply.prediction
        alternatives = reply.alternatives or (prediction.alternatives if prediction else ())
        return cls(
            prediction_id=record.prediction_id,
            session_id=record.session_id,
            message=record.query,
            summary=reply.summary,
            intent=reply.intent,
            source=reply.source,
            rule=reply.rule,
            intents=tuple(
                Likely(intent=a.intent, title=a.title, confidence=round(float(a.confidence), 4))
                for a in alternatives
            ),
            conversation=conversation,
            model_version=record.model_version,
        )

    def without(self, gone: Mapping[str, datetime]) -> Handoff:
        """Return the handoff without erased turns, given all tombstones with their times.

        They are those of erased predictions, and those from before the erasure of the session: the record of such a
        turn may have reached the store after it, so that its prediction has no tombstone.
        """
        erased = gone.get(self.session_id)
        kept = tuple(
            turn
            for turn in self.conversation
            if turn.prediction_id not in gone and (erased is None or is_after_erasure(turn.at, erased))
        )
        return self if kept == self.conversation else self.model_copy(update={"conversation": kept})

    def body(self) -> bytes:
        """Serialize to `{"type", "timestamp", "data"}`; deterministic: a repeated delivery is byte-identical."""
        document = _Document(timestamp=time_of(self.prediction_id), data=self)
        return document.model_dump_json().encode()


class _Document(Document):
    type: str = TYPE
    timestamp: datetime
    data: Handoff


def parse(body: bytes, where: str = "this") -> Handoff:
    """Parse a serialized handoff.

    Raises: StoreError: the content is not a handoff; the message names `where`.
    """
    return _Document.from_json(body, f"{where} is not a handoff").data


def key_of(prediction_id: str) -> str:
    """Return the store key of a handoff.

    Raises: ValueError: the text does not have the form of a prediction id.
    """
    day = time_of(prediction_id).astimezone(UTC).date()
    return layout.document(layout.of_day(layout.HANDOFFS, day), prediction_id)
