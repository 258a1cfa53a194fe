"""Read the reviewed messages that become rows of the corpus, each with its provenance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chatbot.documents import read_yaml
from chatbot.records.erasure import REVIEWED, forgotten
from chatbot.store import Store
from training.review.decisions import ACCEPTED, Decisions

_PLACEHOLDERS: dict[str, str] = read_yaml(Path(__file__).with_name("placeholders.yaml"))


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message labelled by a reviewer, with placeholders such as `{{Order Number}}` for redacted values.

    Attributes:
        source_id: the prediction id; erasure (`forget`) finds the row by it.
        reply: the reply of an intent created in the review; empty for all others.
    """

    source_id: str
    message: str
    intent: str
    reviewer: str
    when: datetime
    reply: str = ""
    category: str = ""
    title: str = ""

    @property
    def source(self) -> str:
        """The row's `source` in the corpus."""
        return REVIEWED + self.source_id


def read_accepted(store: Store, decisions: Decisions | None = None) -> list[Accepted]:
    """Return all accepted messages in the order of their ids, without those under an erasure tombstone."""
    decisions = decisions or Decisions(store)
    made = decisions.intents()
    gone = forgotten(store)
    accepted = []
    for item_id, decision in sorted(decisions.read().items()):
        if decision.verdict not in ACCEPTED or not gone.isdisjoint((item_id, decision.session_id)):
            continue
        new = made.get(decision.intent)
        texts = (new.reply, new.category, new.title) if new else ()
        message = with_placeholders(decision.message)
        accepted.append(Accepted(item_id, message, decision.intent, decision.reviewer, decision.when, *texts))
    return accepted


def with_placeholders(message: str) -> str:
    """Replace PII redaction marks with placeholders, which are filled like those of any corpus."""
    for mark, placeholder in _PLACEHOLDERS.items():
        message = message.replace(mark, placeholder)
    return message
