"""Build the gate benchmark's champions, honest challengers and poisoned challengers from real corpora."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.dialog.replies import Replies
from chatbot.dialog.rules import Rules
from chatbot.model.bundle import Bundle, EncoderInfo, Manifest
from chatbot.model.classifier import Scores, join
from chatbot.model.encoder import Encoded, Encoder
from data.messages import row_hash
from data.processing import read_processed
from data.similarity import groups
from tools.bench.figures import CORPUS
from tools.bench.quality.corpora import (
    bitext,
    cleaned,
    in_scope,
    intents_of,
    load_banking77,
    out_of_scope,
    whole_clinc150,
)
from tools.bench.quality.vectors import Vectors
from tools.processes import ROOT
from training.corpus.reading import replies_for
from training.gate.rows import Kept
from training.model.distinct import distinct_groups
from training.model.fit import OutsideRows, fit
from training.model.held_out import from_tensors, to_tensors
from training.model.params import TrainParams
from training.model.thresholds import judge, learn_from
from training.model.titles import titles_of

FOREIGN = 500
FLIPPED = 0.1

RowNumbers = NDArray[np.int64]
Words = NDArray[np.str_]
Spoil = Callable[[RowNumbers, Words, np.random.Generator], tuple[RowNumbers, Words]]
"""Alters training rows and their labels, with a random generator."""


@dataclass(frozen=True, slots=True)
class GateCase:
    """A corpus as the gate receives it.

    Attributes:
        messages, intents, groups, categories: of the in-scope rows, shape (n,).
        outside: the out-of-scope messages of every version's corpus.
        champion, challenger: shares of the groups that each is trained on.
    """

    name: str
    messages: Sequence[str]
    intents: Words
    groups: Words
    categories: Words
    outside: Sequence[str]
    champion: float
    challenger: float


def shipped() -> GateCase:
    """Return the case of the shipped corpus."""
    rows = read_processed(CORPUS)
    inside = in_scope(rows)
    return GateCase(
        "shipped corpus",
        cleaned(inside),
        intents_of(inside),
        inside["group"].to_numpy(dtype=np.str_),
        inside["category"].to_numpy(dtype=np.str_),
        cleaned(out_of_scope(rows)),
        champion=0.6,
        challenger=0.8,
    )


def published(name: str, rows: pd.DataFrame, champion: float, challenger: float) -> GateCase:
    """Return the case of a published corpus, with `FOREIGN` of CLINC150's out-of-scope messages."""
    messages, intents = cleaned(rows), intents_of(rows)
    near = groups(messages, intents.tolist()).astype(np.str_)
    categories = rows["category"].to_numpy(dtype=np.str_)
    foreign = cleaned(out_of_scope(whole_clinc150()).head(FOREIGN))
    return GateCase(name, messages, intents, near, categories, foreign, champion, challenger)


CASES: dict[str, Callable[[], GateCase]] = {
    "shipped": shipped,
    "bitext": lambda: published("Bitext", bitext(), champion=0.1, challenger=0.15),
    "banking77": lambda: published("Banking77", load_banking77("train"), champion=0.3, challenger=0.45),
}


@dataclass(frozen=True, slots=True)
class ChallengerKind:
    """A kind of challenger: `spoil` alters its training rows; None: honest."""

    name: str
    spoil: Spoil | None = None


def flip(rows: RowNumbers, labels: Words, draw: np.random.Generator) -> tuple[RowNumbers, Words]:
    """Relabel a random tenth of the rows with random other intents."""
    names, columns = np.unique(labels, return_inverse=True)
    chosen = draw.permutation(len(rows))[: round(FLIPPED * len(rows))]
    columns[chosen] = (columns[chosen] + draw.integers(1, len(names), len(chosen))) % len(names)
    return rows, names[columns]


def move(rows: RowNumbers, labels: Words, draw: np.random.Generator) -> tuple[RowNumbers, Words]:
    """Relabel all rows of one intent as one other intent."""
    source, target = draw.permutation(np.unique(labels))[:2]
    return rows, np.where(labels == source, target, labels)


def empty(rows: RowNumbers, labels: Words, draw: np.random.Generator) -> tuple[RowNumbers, Words]:
    """Remove all rows of one intent."""
    kept = labels != draw.permutation(np.unique(labels))[0]
    return rows[kept], labels[kept]


KINDS: dict[str, ChallengerKind] = {
    "more": ChallengerKind("honest: more rows"),
    "flipped": ChallengerKind("10 % of the labels flipped", flip),
    "moved": ChallengerKind("one intent's messages moved into another", move),
    "emptied": ChallengerKind("one intent emptied", empty),
}


@dataclass(frozen=True, slots=True)
class Version:
    """A bundle with its processed corpus and its out-of-fold predictions by row hash."""

    bundle: Bundle
    corpus: pd.DataFrame
    kept: Kept


@dataclass(slots=True)
class Workshop:
    """Trains bundles of a case: each message is encoded once, a seed's champion is fitted once for all challengers."""

    case: GateCase
    vectors: Vectors
    encoded: Encoded = field(init=False)
    _outside: Encoded = field(init=False)
    _outside_groups: NDArray[np.str_] = field(init=False)
    _memory: dict[str, Encoded] = field(init=False, default_factory=dict)
    _champions: dict[int, Version] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.encoded = self.vectors.encode(self.case.messages)
        self._outside = self.vectors.encode(self.case.outside)
        self._outside_groups = distinct_groups(list(self.case.outside)).astype(np.str_)

    def through(self, _encoder: Encoder, messages: Sequence[str]) -> Encoded:
        """Encode messages, with a cache; the encoder function passed to `training.gate.judge.judge`."""
        key = hashlib.sha256("\n".join(messages).encode()).hexdigest()
        if key not in self._memory:
            self._memory[key] = self.vectors.encode(messages)
        return self._memory[key]

    def champion(self, seed: int) -> Version:
        """Return the serving version, trained on a part of the groups."""
        if seed not in self._champions:
            rows = self.rows(seed, self.case.champion)
            self._champions = {seed: self._version(f"champion-{seed}", rows, self.case.intents[rows], seed)}
        return self._champions[seed]

    def challenger(self, key: str, seed: int) -> Version:
        """Return a challenger of a kind, trained on the champion's rows and more."""
        kind, rows = KINDS[key], self.rows(seed, self.case.challenger)
        labels = self.case.intents[rows]
        if kind.spoil is not None:
            rows, labels = kind.spoil(rows, labels, np.random.default_rng([seed, 1]))
        return self._version(f"{key}-{seed}", rows, labels, seed)

    def rows(self, seed: int, share: float) -> RowNumbers:
        """Return the rows of a share of the groups: a larger share contains every smaller one."""
        names = np.unique(self.case.groups)
        order = np.random.default_rng(seed).permutation(names)
        return np.flatnonzero(np.isin(self.case.groups, order[: round(share * len(names))]))

    def _version(self, name: str, rows: RowNumbers, labels: Words, seed: int) -> Version:
        # As `training.model.train` does: names of intents and out-of-scope rows teach, and the latter are scored
        # out-of-fold.
        groups, titles = self.case.groups[rows].tolist(), titles_of(labels.tolist())
        outside = OutsideRows(self._outside, self._outside_groups.tolist())
        named = (self.vectors.encode(list(titles.values())), list(titles))
        encoded = self.encoded.part(rows)
        fitted = fit(
            encoded, labels.tolist(), groups, seed, titles=named if titles else None, outside=outside
        )
        classifier, params = fitted.classifier, TrainParams.read(ROOT / "params.yaml")
        distinct = np.unique(self._outside_groups, return_index=True)[1]
        learned = learn_from(judge(fitted), fitted.outside.part(distinct), params)
        manifest = Manifest(
            labels=classifier.labels,
            temperature=classifier.temperature,
            thresholds=learned.thresholds,
            target={"target": params.target},
            encoder=EncoderInfo(name="", digest=self.vectors.digest, dim=self.vectors.encoder.dim),
            corpus_digest=name,
        )
        nothing = np.zeros((2, self.vectors.encoder.dim), dtype=np.float32)
        replies = default_replies(list(classifier.labels))
        rules = Rules.load(ROOT / "data" / "corpus" / "rules.yaml")
        digest = hashlib.sha256(f"{self.case.name} {name}".encode()).hexdigest()
        bundle = Bundle(manifest, rules, replies, digest, self.vectors.encoder, classifier, nothing)
        corpus, held = self._corpus(rows, labels), fitted.out_of_fold
        both = join(Scores(held.probabilities, held.scope), fitted.outside)
        hashes = corpus["row_hash"].to_numpy()
        taught = [*hashes[held.rows].tolist(), *hashes[len(rows) :].tolist()]
        kept = from_tensors(to_tensors(taught, both.probabilities, both.scope), classifier.labels)
        return Version(bundle, corpus, kept)

    def _corpus(self, rows: RowNumbers, labels: Words) -> pd.DataFrame:
        """Return the processed corpus of a version: its rows, then the out-of-scope ones."""
        case = self.case
        messages = [*(case.messages[row] for row in rows), *case.outside]
        intents = [*labels.tolist(), *[OUT_OF_SCOPE] * len(case.outside)]
        return pd.DataFrame(
            {
                "message": messages,
                "intent": intents,
                "category": [*case.categories[rows].tolist(), *[""] * len(case.outside)],
                "row_hash": [row_hash(*row) for row in zip(messages, intents, strict=True)],
            }
        )


def default_replies(intents: list[str]) -> Replies:
    """Return the default reply of each intent: the gate compares what is decided, not the texts."""
    no_rows = pd.DataFrame(columns=["intent", "message", "category", "source"], dtype=str)
    return replies_for(intents, None, no_rows)[0]
