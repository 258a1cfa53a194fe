"""Measure learned thresholds on small, uneven, imperfectly labelled corpora drawn from the published ones.

20 to 60 intents, 300 to 600 rows, 1 to 100 messages an intent, 3 % of the labels wrong. Test rows are drawn like the
training rows and keep their labels. The corpora have no out_of_scope rows: the generic pool is all there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chatbot.dialog.router import Thresholds
from chatbot.model.classifier import Classifier
from chatbot.model.encoder import Encoded
from tools.bench.quality.corpora import (
    bitext,
    cleaned,
    in_scope,
    intents_of,
    out_of_scope,
    whole_banking77,
    whole_clinc150,
)
from tools.bench.quality.taught import Guesses, Values
from tools.bench.quality.vectors import Vectors
from training.model.distinct import distinct_groups
from training.model.fit import fit
from training.model.generic_pool import load_pool, uncovered
from training.model.thresholds import judge, learn
from training.model.titles import titles_of

RowNumbers = NDArray[np.int64]

INTENTS = (20, 60)
ROWS = (300, 600)
MAX_ROWS = 100
WRONG_LABELS = 0.03
TARGET = 0.02
FOREIGN_SHARE = 0.5
DRAWS = 7


@dataclass(frozen=True, slots=True)
class DrawnAnswers:
    """Counts of one draw at the learned thresholds; `best` is the highest coverage that the test rows allow.

    `accuracy` is that of the first choice.
    """

    messages: int
    answered: int
    wrong: int
    best: float
    foreign: float
    unknown: float
    accuracy: float

    def risk(self, outside: float) -> tuple[float, float]:
        """Return wrong and all answers per in-scope message, with as many out-of-scope messages."""
        return self.wrong / self.messages + outside, self.answered / self.messages + outside


def small_corpora(vectors: Vectors) -> Values:
    """Learn thresholds on several draws of each corpus; coverage against the best possible, and realised risks."""
    clinc = whole_clinc150()
    sources = {"Banking77": whole_banking77(), "CLINC150": in_scope(clinc), "Bitext": bitext()}
    foreign = vectors.encode(cleaned(out_of_scope(clinc)))
    pool = vectors.encode(load_pool())
    found, notes = [], []
    for name, source in sources.items():
        messages, intents = cleaned(source), intents_of(source)
        encoded = vectors.encode(messages)
        titles = titles_of(intents.tolist())
        names = vectors.encode(list(titles.values())), list(titles)
        mine = [_draw(seed, messages, encoded, intents, pool, foreign, names) for seed in range(DRAWS)]
        notes.append(
            f"{name} {100 * _coverage(mine):.0f} % answered of {100 * _mean(mine, 'best'):.0f} % possible"
        )
        found += mine
    answered, wrong = sum(one.answered for one in found), sum(one.wrong for one in found)
    note = f"{3 * DRAWS} draws, {answered:,} answers; {'; '.join(notes)}"
    return {
        "relative": (100 * _coverage(found) / _mean(found, "best"), note),
        "risk": (100 * wrong / answered, f"{wrong} of {answered:,} answers"),
        "foreign": (100 * _risk(found, "foreign"), "CLINC150's out-of-scope messages"),
        "unknown": (100 * _risk(found, "unknown"), "intents of the same corpus that were not taught"),
        "accuracy": (100 * _mean(found, "accuracy"), ""),
    }


def _draw(
    seed: int,
    messages: list[str],
    encoded: Encoded,
    intents: NDArray[np.str_],
    pool: Encoded,
    foreign: Encoded,
    titles: tuple[Encoded, list[str]],
) -> DrawnAnswers:
    taught, test, labels, unknown = _parts(intents, np.random.default_rng(seed))
    groups = distinct_groups([messages[row] for row in taught]).astype(str).tolist()
    part = encoded.part(taught)
    named = np.flatnonzero(np.isin(titles[1], labels))
    names = titles[0].part(named), [titles[1][place] for place in named]
    fitted = fit(part, labels.tolist(), groups, titles=names)
    outside = fitted.classifier.score(pool.part(uncovered(pool.vectors, part.vectors)))
    learned = learn(judge(fitted), outside.probabilities.max(axis=1), outside.scope, TARGET, FOREIGN_SHARE)
    asked, truth = encoded.part(test), intents[test]
    guesses = Guesses.of(fitted.classifier, fitted.classifier.score(asked))
    right, answered = guesses.intents == truth, guesses.answered(learned.thresholds)
    risks = np.cumsum(~right[np.argsort(-guesses.confidence, kind="stable")]) / np.arange(1, len(test) + 1)
    allowed = np.flatnonzero(risks <= learned.target)
    return DrawnAnswers(
        messages=len(test),
        answered=int(answered.sum()),
        wrong=int((answered & ~right).sum()),
        best=(int(allowed[-1]) + 1) / len(test) if allowed.size else 0.0,
        foreign=_passed(fitted.classifier, foreign, learned.thresholds),
        unknown=_passed(fitted.classifier, encoded.part(unknown), learned.thresholds)
        if len(unknown)
        else 0.0,
        accuracy=float(right.mean()),
    )


def _passed(classifier: Classifier, messages: Encoded, at: Thresholds) -> float:
    return float(Guesses.of(classifier, classifier.score(messages)).answered(at).mean())


def _parts(
    intents: NDArray[np.str_], draw: np.random.Generator
) -> tuple[RowNumbers, RowNumbers, NDArray[np.str_], RowNumbers]:
    """Return training rows, as many test rows, the training labels with errors, and rows of other intents."""
    names = np.unique(intents)
    count = int(draw.integers(min(INTENTS[0], len(names)), min(INTENTS[1], len(names)) + 1))
    kept = draw.choice(names, count, replace=False)
    sizes = np.exp(draw.uniform(0, np.log(MAX_ROWS), count))
    sizes = np.clip((sizes * draw.uniform(*ROWS) / sizes.sum()).round().astype(int), 1, MAX_ROWS)
    halves = list(_halves(intents, kept, sizes, draw))
    taught, test = (np.concatenate([pair[side] for pair in halves]) for side in (0, 1))
    labels = intents[taught].copy()
    wrong = draw.random(len(taught)) < WRONG_LABELS
    labels[wrong] = draw.choice(kept, int(wrong.sum()))
    return taught, test, labels, draw.permutation(np.flatnonzero(~np.isin(intents, kept)))[:1000]


def _halves(
    intents: NDArray[np.str_], kept: NDArray[np.str_], sizes: RowNumbers, draw: np.random.Generator
) -> Iterator[tuple[RowNumbers, RowNumbers]]:
    for name, size in zip(kept, sizes, strict=True):
        rows = draw.permutation(np.flatnonzero(intents == name))
        half = min(int(size), len(rows) // 2)
        yield rows[:half], rows[half : 2 * half]


def _coverage(found: list[DrawnAnswers]) -> float:
    return float(np.mean([one.answered / one.messages for one in found]))


def _mean(found: list[DrawnAnswers], name: str) -> float:
    return float(np.mean([getattr(one, name) for one in found]))


def _risk(found: list[DrawnAnswers], kind: str) -> float:
    wrong, answered = np.sum([one.risk(getattr(one, kind)) for one in found], axis=0)
    return float(wrong / answered)
