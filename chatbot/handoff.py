"""What a person gets who takes over from the bot: one JSON document, for the webhook, the store and the staff page."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.errors import StoreError
from chatbot.ids import time_of
from chatbot.records import Record
from chatbot.router import Reply

PREFIX = "handoffs/"
WORK = "reviews/handoffs/"
"""What was done about each (`training.handoff_desk`)."""
TYPE = "handoff.created"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Turn(_Part):
    """Something that was said before."""

    at: datetime
    speaker: str
    """`customer` or `assistant`."""
    text: str
    """A customer's words redacted."""


class Likely(_Part):
    """An intent that the message may have."""

    intent: str
    title: str = ""
    confidence: float


class Handoff(_Part):
    """One message that a person has to answer.

    Holds no personal data beyond what `chatbot.privacy` overlooks.
    """

    prediction_id: str
    session_id: str = ""
    """Stands for the session and does not show what the client sent; the log's records have the same."""
    message: str
    """Redacted."""
    summary: str
    """For the person who takes over: one sentence."""
    intent: str
    source: str
    """`rule`: a rule asks for a person. `human`: the bot was not sure enough."""
    rule: str = ""
    intents: tuple[Likely, ...] = ()
    """The likeliest first."""
    conversation: tuple[Turn, ...] = ()
    """What was said before this message, the oldest first, as far as the same process answered it."""
    model_version: str = ""

    @classmethod
    def of(cls, reply: Reply, record: Record, conversation: tuple[Turn, ...] = ()) -> Handoff:
        """The handoff of a reply that hands over.

        Args:
            record: the reply's, with the message redacted.
            conversation: what was said before.
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

    def body(self) -> bytes:
        """What is posted and stored: `{"type", "timestamp", "data"}`, always the same bytes for a handoff."""
        document = _Document(timestamp=time_of(self.prediction_id), data=self)
        return document.model_dump_json().encode()


class _Document(_Part):
    type: str = TYPE
    timestamp: datetime
    data: Handoff


def parse(body: bytes, where: str = "this") -> Handoff:
    """A handoff from its body.

    Raises:
        StoreError: it is none.
    """
    try:
        return _Document.model_validate_json(body).data
    except ValidationError as error:
        raise StoreError(f"{where} is no handoff: {error}") from error


def key_of(prediction_id: str) -> str:
    """Where a handoff lies in the store.

    Raises:
        ValueError: the text has not the form of a prediction id.
    """
    day = time_of(prediction_id).astimezone(UTC).date()
    return f"{PREFIX}day={day.isoformat()}/{prediction_id}.json"
