"""Build a world of the drift benchmark: a bot trained on one part of a corpus, and the traffic it then receives.

Groups of near-duplicates are split into three disjoint parts: training (also the source of the reference), baseline
and windows. One intent is left out of all three: the new product. One message in twenty is out-of-scope chatter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.dialog.router import MAX_CHOICES, Thresholds
from chatbot.model.classifier import Classifier
from chatbot.model.encoder import Encoded
from chatbot.records.schema import features
from monitoring.drift.columns import TEXT_FEATURES, RecordColumns
from tools.bench.drift.corpora import EncodedCorpus, Typos
from training.model.fit import Fitted, fit
from training.model.params import TrainParams
from training.model.thresholds import judge, learn_from
from training.model.train import summarize

CHATTER = 0.05
PARTS = {"bitext": (0.34, 0.33, 0.33), "banking77": (0.32, 0.23, 0.45), "clinc150": (0.34, 0.23, 0.43)}
"""Shares of training, baseline and windows; windows of 5,000 are drawn without replacement."""
FEEDBACK = 0.2
"""Share of answers with feedback; it is negative if the intent was wrong or the message was handed over."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """n messages scored as the service would have logged them."""

    columns: RecordColumns
    messages: list[str]
    truth: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.messages)


@dataclass(frozen=True, slots=True)
class World:
    """The pools that windows are composed of.

    Attributes:
        reference: out-of-fold scores of the training messages.
        baseline, baseline_chatter: the pools that the baseline is drawn from.
        ordinary, chatter: the pools of windows.
        product: messages of the intent that was left out.
        foreign, typos: the changed messages.
    """

    name: str
    seed: int
    left_out: str
    reference: RecordColumns
    baseline: Traffic
    baseline_chatter: Traffic
    ordinary: Traffic
    chatter: Traffic
    product: Traffic
    foreign: Traffic
    typos: Traffic


def make(
    corpus: EncodedCorpus, chatter: EncodedCorpus, foreign: EncodedCorpus, typos: Typos, seed: int
) -> World:
    """Build the world of a seed: the split, the intent left out, and the bot."""
    generator = np.random.default_rng([seed, 17])
    left_out = str(generator.choice(np.unique(corpus.intents)))
    part_of = _deal(corpus.groups, PARTS[corpus.name], generator)
    known = corpus.intents != left_out
    chat_of = _deal(chatter.groups, (0.25, 0.25, 0.5), generator)

    taught = np.flatnonzero((part_of == 0) & known)
    encoded = corpus.encoded.part(taught)
    fitted = fit(encoded, corpus.intents[taught].tolist(), corpus.groups[taught].astype(str).tolist(), seed)
    outside = fitted.classifier.score(chatter.encoded.part(np.flatnonzero(chat_of == 0)))
    learned = learn_from(judge(fitted), outside, TrainParams())
    bot = _Bot(fitted.classifier, learned.thresholds, summarize(encoded), seed)

    def of(source: EncodedCorpus, rows: NDArray[np.int64]) -> Traffic:
        messages = [source.messages[row] for row in rows]
        return bot.answers(messages, source.encoded.part(rows), source.intents[rows])

    misspelt = np.flatnonzero((part_of[typos.rows] == 2) & known[typos.rows])
    return World(
        name=corpus.name,
        seed=seed,
        left_out=left_out,
        reference=_reference(fitted, encoded, [corpus.messages[row] for row in taught], bot),
        baseline=of(corpus, np.flatnonzero((part_of == 1) & known)),
        baseline_chatter=of(chatter, np.flatnonzero(chat_of == 1)),
        ordinary=of(corpus, np.flatnonzero((part_of == 2) & known)),
        chatter=of(chatter, np.flatnonzero(chat_of == 2)),
        product=of(corpus, np.flatnonzero(~known)),
        foreign=of(foreign, np.arange(len(foreign.messages))),
        typos=bot.answers(
            [typos.messages[row] for row in misspelt],
            typos.encoded.part(misspelt),
            corpus.intents[typos.rows[misspelt]],
        ),
    )


def lower_case(traffic: Traffic) -> Traffic:
    """Return the traffic in lower case. The encoder is uncased, so nothing else changes."""
    messages = [message.lower() for message in traffic.messages]
    columns = traffic.columns
    numbers = columns.numbers | _texts(messages)
    changed = RecordColumns(numbers, columns.summary, columns.intents, columns.handoff, columns.negative)
    return Traffic(changed, messages, traffic.truth)


@dataclass(frozen=True, slots=True)
class _Bot:
    classifier: Classifier
    thresholds: Thresholds
    axes: NDArray[np.float32]
    seed: int

    def summarise(self, encoded: Encoded) -> NDArray[np.float32]:
        """Summarise as `chatbot.model.bundle.Bundle.summarise` does, rounded as a record is."""
        numbers: NDArray[np.float32] = (encoded.vectors - self.axes[0]) @ self.axes[1:].T
        return np.round(numbers, 4)

    def answers(self, messages: list[str], encoded: Encoded, truth: NDArray[np.str_]) -> Traffic:
        """Apply the router's decision (`chatbot.dialog.router.Router.after_model`) to all messages at once."""
        scores = self.classifier.score(encoded)
        top = np.sort(scores.probabilities, axis=1)[:, ::-1][:, :MAX_CHOICES].astype(np.float64)
        likeliest = np.asarray(self.classifier.labels, dtype=object)[scores.probabilities.argmax(axis=1)]
        foreign = scores.scope < self.thresholds.scope
        unsure = (top[:, 0] < self.thresholds.answer) & (top.sum(axis=1) < self.thresholds.clarify)
        handoff = foreign | unsure
        intents = np.where(foreign, OUT_OF_SCOPE, likeliest).astype(object)
        generator = np.random.default_rng([self.seed, len(messages)])
        said = generator.random(len(messages)) < FEEDBACK
        negative = np.where(said, (handoff | (intents != truth)).astype(np.float64), np.nan)
        numbers = _texts(messages)
        numbers["confidence"] = np.round(top[:, 0], 4)
        scope: NDArray[np.float64] = scores.scope.astype(np.float64)
        numbers["scope"] = scope.round(4)
        return Traffic(
            RecordColumns(numbers, self.summarise(encoded), intents, handoff, negative), messages, truth
        )


def _texts(messages: list[str]) -> dict[str, NDArray[np.float64]]:
    table = np.asarray([features(message) for message in messages], dtype=np.float64).reshape(-1, 4)
    return dict(zip(TEXT_FEATURES, table.T.copy(), strict=True))


def _reference(fitted: Fitted, encoded: Encoded, messages: list[str], bot: _Bot) -> RecordColumns:
    """Compute what `training.model.reference` writes into a bundle."""
    held = fitted.out_of_fold
    names = np.asarray(fitted.classifier.labels, dtype=object)
    numbers = {name: values[held.rows] for name, values in _texts(messages).items()}
    numbers["confidence"] = held.probabilities.max(axis=1).astype(np.float64)
    numbers["scope"] = held.scope.astype(np.float64)
    return RecordColumns(numbers, bot.summarise(encoded)[held.rows], names[held.probabilities.argmax(axis=1)])


def _deal(
    groups: NDArray[np.int64], shares: tuple[float, ...], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Assign each row to a part of about the given share, keeping groups whole."""
    count = int(groups.max()) + 1
    drawn = np.searchsorted(np.cumsum(shares)[:-1], generator.random(count), side="right")
    return np.asarray(drawn[groups], dtype=np.int64)
