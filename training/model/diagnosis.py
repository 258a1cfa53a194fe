"""Diagnose why coverage is low: suspected label errors, intents with few messages, overlapping intents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chatbot.privacy import redact
from training.model.fit import Fitted

MAX_NAMED = 10
MIN_DISTINCT = 10
# Two intents overlap if at least so many distinct messages are confused, and this share of the smaller intent.
MIN_CONFUSED = 3
MIN_CONFUSED_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Suspect:
    """A message whose label is probably wrong: the model is as sure of another intent as it usually is of that one."""

    message: str
    label: str
    better: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two intents that the model confuses, with a message of the first taken for the second and the reverse."""

    first: str
    second: str
    messages: int
    first_taken_for_second: str
    second_taken_for_first: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What lowers the coverage, worst first, at most MAX_NAMED of each; the counts are of all."""

    suspects: tuple[Suspect, ...]
    suspect_count: int
    few: tuple[tuple[str, int], ...]
    few_count: int
    overlaps: tuple[Overlap, ...]
    overlap_count: int

    def as_dict(self) -> dict[str, Any]:
        """Return the content for model.json."""
        return asdict(self)

    def advice(self) -> list[str]:
        """Return what lowers the coverage and what to do about it, in sentences."""
        found: list[str] = []
        if self.suspect_count:
            found.append(
                f"Confident predictions that contradict their label: {self.suspect_count:,}. Check these labels first: "
                "wrong labels among the most confident rows cost the most coverage."
            )
        if self.overlap_count:
            found.append(
                f"Pairs of intents that overlap: {self.overlap_count:,}. Merge them, or move messages so that each "
                "says which one it means."
            )
        if self.few_count:
            named = ", ".join(f"{intent} ({count})" for intent, count in self.few)
            found.append(
                f"Intents with fewer than {MIN_DISTINCT} distinct messages: {self.few_count:,}. Add messages as "
                f"customers write them to {named}."
            )
        return found or ["Nothing stands out: more messages of every intent help most."]


def diagnose(fitted: Fitted, messages: Sequence[str], weight: np.ndarray) -> Diagnosis:
    """Diagnose a fit from its out-of-fold predictions.

    A suspect is a message that confident learning (Northcutt et al., 2021) counts off the diagonal: its probability
    of another intent is at least the mean confidence of that intent's own messages.

    Args:
        messages: shape (n,): the training messages; personal data in them is redacted in the result.
        weight: shape (n,): what each counts (`training.model.distinct`).
    """
    held, labels = fitted.out_of_fold, np.asarray(fitted.classifier.labels)
    given, guess = fitted.labels[held.rows], held.probabilities.argmax(axis=1)
    confidence = held.probabilities.max(axis=1).astype(np.float64)
    own = held.probabilities[np.arange(len(given)), given].astype(np.float64)
    counts = np.bincount(given, minlength=len(labels))
    usual = np.bincount(given, own, len(labels)) / np.maximum(counts, 1)
    suspects = np.flatnonzero((guess != given) & (confidence >= usual[guess]))
    suspects = suspects[np.argsort(own[suspects] - confidence[suspects], kind="stable")]

    def text(place: int) -> str:
        return redact(messages[held.rows[place]])

    def named(place: int) -> Suspect:
        better = str(labels[guess[place]])
        return Suspect(text(place), str(labels[given[place]]), better, round(float(confidence[place]), 3))

    distinct = np.bincount(fitted.labels, weight, len(labels)).round().astype(int)
    few = sorted((int(count), str(label)) for count, label in zip(distinct, labels, strict=True))
    few = [(count, label) for count, label in few if count < MIN_DISTINCT]

    confused = np.zeros((len(labels), len(labels)))
    wrong = np.flatnonzero(guess != given)
    np.add.at(confused, (given[wrong], guess[wrong]), held.weight[wrong])
    both = np.triu(confused + confused.T)
    smaller = np.minimum(distinct[:, None], distinct[None, :])
    overlaps = np.argwhere((both >= MIN_CONFUSED) & (both >= MIN_CONFUSED_SHARE * smaller))
    overlaps = overlaps[np.argsort([-both[i, j] for i, j in overlaps], kind="stable")]

    def example(label: int, taken_for: int) -> str:
        rows = wrong[(given[wrong] == label) & (guess[wrong] == taken_for)]
        return text(int(rows[np.argmax(confidence[rows])])) if rows.size else ""

    return Diagnosis(
        suspects=tuple(named(int(place)) for place in suspects[:MAX_NAMED]),
        suspect_count=len(suspects),
        few=tuple((label, count) for count, label in few[:MAX_NAMED]),
        few_count=len(few),
        overlaps=tuple(
            Overlap(str(labels[i]), str(labels[j]), round(float(both[i, j])), example(i, j), example(j, i))
            for i, j in overlaps[:MAX_NAMED].tolist()
        ),
        overlap_count=len(overlaps),
    )
