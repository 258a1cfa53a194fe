"""What the tests of the review share: records as the service writes them, in a store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.router import Router
from chatbot.ids import new_id, time_of
from chatbot.model.bundle import Bundle
from chatbot.records.log_store import write_part
from chatbot.records.schema import Feedback, Record
from chatbot.settings import SlotSettings
from chatbot.store import Store

KEY = b"a key for tests of the review"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)

GARDEN = (
    "can you rent me a lawn mower for the weekend",
    "i want to rent a lawn mower",
    "how much is it to rent a mower for a day",
    "do you rent out mowers and hedge trimmers",
    "is there a deposit when i rent a lawn mower",
    "renting a mower: do i need to bring it back clean",
    "what does renting a lawnmower cost per day",
    "can i rent the electric mower from saturday to monday",
    "where do i pick up the mower i rented",
    "rent mower this weekend please",
)
"""A product that the corpus does not know: mowers for rent."""

STRANGE = (
    "what is the capital of mongolia",
    "play some jazz in the kitchen",
    "how tall was napoleon",
    "write me a poem about the sea",
    "is it going to rain in lisbon tomorrow",
    "translate good morning into finnish",
    "who won the chess olympiad",
    "set an alarm for half past six",
    "how many calories are in a banana",
    "tell me a joke about penguins",
)


def record(
    message: str,
    intent: str = "track_order",
    confidence: float = 0.4,
    source: str = "human",
    scope: float | None = 0.9,
    alternatives: Sequence[tuple[str, float]] = (),
    minute: float = 0,
    session: str = "",
) -> Record:
    """A record as the service would have written it, `minute` minutes after `START`."""
    name = new_id(KEY, (START + timedelta(minutes=minute)).timestamp())
    return Record(
        time_of(name), message, intent, confidence, name, session, "v1", source,
        scope=scope, handoff=source == "human", alternatives=tuple(alternatives) or ((intent, confidence),),
    )  # fmt: skip


def thumbs_down(of: Record, intent: str = "", comment: str = "") -> Feedback:
    """A customer says that the answer did not help."""
    return Feedback.of(of.prediction_id, False, intent, comment, of.timestamp + timedelta(seconds=30))


def answer(bundle: Bundle, messages: Iterable[str], minute: float = 0) -> list[Record]:
    """The records of messages that a bundle answers, as the service does it."""
    router = Router(bundle.rules, bundle.replies, bundle.manifest.thresholds, SlotSettings().values())
    records = []
    for number, message in enumerate(map(clean, messages)):
        reply = router.before_model(message) or router.after_model(message, bundle.predict([message])[0])
        name = new_id(KEY, (START + timedelta(minutes=minute, seconds=number)).timestamp())
        records.append(Record.of(reply, message, name, model_version=bundle.version))
    return records


def fill(
    store: Store, records: Sequence[Record], feedback: Sequence[Feedback] = (), name: str = "part"
) -> None:
    """Put rows into the store, a part a day."""
    for kind, rows in ((Record, records), (Feedback, feedback)):
        for day in {row.timestamp.date() for row in rows}:
            write_part(store, kind, day, name, [row for row in rows if row.timestamp.date() == day])


def strange(message: str, minute: float = 0) -> Record:
    """A record that is out of scope."""
    return replace(record(message, minute=minute), intent=OUT_OF_SCOPE, scope=0.1)
