"""Read the reviewed messages that become rows of the corpus, each with its provenance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chatbot.records.erasure import REVIEWED, forgotten
from chatbot.store import Store
from training.review.decisions import ACCEPTED, Decisions

# The placeholders of a corpus (`data.placeholders`) replace the PII redaction marks of `chatbot.privacy`:
# customers do not write marks, so the head would learn a token that never occurs.
_PLACEHOLDERS = {
    "<ACCOUNT>": "{{Account Number}}",
    "<ADDRESS>": "{{Delivery City}}",
    "<CARD>": "{{Card Number}}",
    "<DOB>": "{{Date}}",
    "<EMAIL>": "{{Email}}",
    "<IBAN>": "{{Account Number}}",
    "<INVOICE>": "{{Invoice Number}}",
    "<IP>": "{{IP Number}}",
    "<MAC>": "{{Device Number}}",
    "<NAME>": "{{Person Name}}",
    "<NUMBER>": "{{Number}}",
    "<ORDER>": "{{Order Number}}",
    "<PHONE>": "{{Phone}}",
    "<SECRET>": "{{Code}}",
    "<URL>": "{{URL}}",
}


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
