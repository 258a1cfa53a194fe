"""Define what the label check finds: rows, pairs and intents with their evidence, as JSON for store and reports."""

from __future__ import annotations

from collections.abc import Container

from chatbot.documents import Document


class Labelled(Document):
    """A message with its label; personal data in it is redacted."""

    message: str
    label: str


class SuspectLabel(Document):
    """A row whose label is probably wrong."""

    row_hash: str
    message: str
    label: str
    better: str
    """The intent that fits better."""
    quality: float
    """How well the label fits, 0 to 1; 0.5: as well as `better`."""
    source: str
    """Where the row comes from: `file:line`."""
    copies: int = 1
    """Rows with this message and this label that are suspect; one decision is about all of them."""
    neighbours: tuple[Labelled, ...]
    """The two most similar messages that are not near-duplicates of it."""


class IntentPair(Document):
    """Two intents that the model cannot tell apart."""

    first: str
    second: str
    messages: int
    """Distinct messages of either that fit the other one."""
    share: float
    """The same as a share of the smaller intent."""
    first_examples: tuple[str, ...]
    """Messages labelled `first` that fit `second` best."""
    second_examples: tuple[str, ...]


class Contradiction(Document):
    """Near-duplicates with different labels: a message of each label, and how many rows have it."""

    rows: tuple[tuple[Labelled, int], ...]


class LabelFindings(Document):
    """Everything that the label check found in a corpus, worst first."""

    format: int = 1
    rows: int
    distinct: int
    """Distinct messages: near-duplicates count as one."""
    judged: int
    """Rows that a model could judge that was trained on no near-duplicate of them."""
    suspects: tuple[SuspectLabel, ...]
    pairs: tuple[IntentPair, ...]
    few: tuple[tuple[str, int], ...]
    """Intents with too few distinct messages, with their number."""
    contradictions: tuple[Contradiction, ...]

    def without(self, confirmed: Container[str]) -> LabelFindings:
        """Return the findings without suspects whose label a person confirmed, given by row hash."""
        suspects = tuple(suspect for suspect in self.suspects if suspect.row_hash not in confirmed)
        return self.model_copy(update={"suspects": suspects})

    @property
    def sentence(self) -> str:
        """Summarize the findings."""
        found = [
            (len(self.suspects), "suspect label", "suspect labels"),
            (len(self.pairs), "pair of intents that overlap", "pairs of intents that overlap"),
            (len(self.few), "intent with too few messages", "intents with too few messages"),
            (
                len(self.contradictions),
                "message with different labels",
                "near-duplicates with different labels",
            ),
        ]
        named = [f"{count:,} {one if count == 1 else many}" for count, one, many in found if count]
        return f"{'; '.join(named) or 'Nothing stands out'}. {self.rows:,} rows, {self.distinct:,} distinct messages."
