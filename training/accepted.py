"""What people accepted in the review: messages that become rows of the corpus, each with where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chatbot.forgotten import forgotten
from chatbot.storage import Store
from training.review_decisions import TAUGHT, Decisions

SOURCE = "review:"
"""What a row's `source` begins with; the source id follows."""

# A corpus's placeholders (`data.placeholders`) in place of the marks of `chatbot.privacy`: a mark is nothing that
# a customer writes, so it would teach the head a word that never comes.
_PLACEHOLDERS = {
    "<ACCOUNT>": "{{Account Number}}",
    "<CARD>": "{{Card Number}}",
    "<EMAIL>": "{{Email}}",
    "<IBAN>": "{{Account Number}}",
    "<INVOICE>": "{{Invoice Number}}",
    "<IP>": "{{IP Number}}",
    "<NAME>": "{{Person Name}}",
    "<NUMBER>": "{{Number}}",
    "<ORDER>": "{{Order Number}}",
    "<PHONE>": "{{Phone}}",
    "<SECRET>": "{{Code}}",
    "<URL>": "{{URL}}",
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that a person said the intent of.

    Attributes:
        source_id: the prediction id it came from; `forget` finds it by this.
        message: redacted; what was taken out stands as a placeholder such as `{{Order Number}}`.
        intent: may be `out_of_scope`.
        when: UTC.
        reply, category, title: of an intent that was made in the review; empty for all others.
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
        return SOURCE + self.source_id


def read_accepted(store: Store) -> list[Accepted]:
    """All accepted messages in the order of their ids; those of forgotten predictions are left out.

    Raises:
        StoreError: the store does not answer, or holds what is no decision (named).
    """
    decisions = Decisions(store)
    made = decisions.intents()
    gone = forgotten(store)
    accepted = []
    for item_id, decision in sorted(decisions.read().items()):
        if decision.verdict not in TAUGHT or not gone.isdisjoint((item_id, decision.session_id)):
            continue
        new = made.get(decision.intent)
        accepted.append(
            Accepted(
                item_id,
                as_taught(decision.message),
                decision.intent,
                decision.reviewer,
                decision.when,
                new.reply if new else "",
                new.category if new else "",
                new.title if new else "",
            )
        )
    return accepted


def as_taught(message: str) -> str:
    """A redacted message with placeholders for the marks, to be filled as any corpus is."""
    for mark, placeholder in _PLACEHOLDERS.items():
        message = message.replace(mark, placeholder)
    return message
