"""Evaluate the product's own functions on published corpora: trained on one part, tested on another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatbot.dialog.router import Thresholds
from chatbot.model.classifier import Classifier, Scores
from chatbot.model.encoder import Encoded
from data.similarity import groups
from tools.bench.quality.corpora import (
    bitext,
    cleaned,
    in_scope,
    intents_of,
    load_banking77,
    load_clinc150,
    out_of_scope,
)
from tools.bench.quality.vectors import Vectors
from tools.processes import ROOT
from training.model.evaluation.metrics import auroc, ece, recall_at_acceptance, risk, risk_bound
from training.model.evaluation.outcome import macro_f1
from training.model.fit import Fitted, fit
from training.model.params import TrainParams
from training.model.thresholds import LEVEL, Judged, judge, judged, learn_from
from training.model.titles import titles_of

TEST_SHARE = 0.2
FEW_ROWS = 20
FEW_SHOTS = (5, 10)
DRAWS = 3

RowNumbers = NDArray[np.int64]
Values = Mapping[str, tuple[float, str]]
"""By a figure's key: percent, and a note."""


@dataclass(frozen=True, slots=True)
class Guesses:
    """First choices for n messages with their confidence and scope scores; every array has shape (n,)."""

    intents: NDArray[np.str_]
    confidence: NDArray[np.floating]
    scope: NDArray[np.floating]

    @classmethod
    def of(cls, classifier: Classifier, scores: Scores) -> Guesses:
        first = scores.probabilities.argmax(axis=1)
        return cls(np.asarray(classifier.labels)[first], scores.probabilities.max(axis=1), scores.scope)

    def answered(self, at: Thresholds) -> NDArray[np.bool_]:
        """Return which messages the bot answers by itself at these thresholds."""
        return np.asarray((self.confidence >= at.answer) & (self.scope >= at.scope))

    def percents(self, truth: NDArray[np.str_]) -> dict[str, float]:
        """Return accuracy, macro F1 and expected calibration error (ECE), in percent."""
        right = self.intents == truth
        return {
            "accuracy": 100 * float(right.mean()),
            "macro_f1": 100 * macro_f1(truth, self.intents),
            "ece": 100 * ece(self.confidence.astype(np.float64), right),
        }


def taught(vectors: Vectors, encoded: Encoded, intents: Sequence[str], near: NDArray[np.integer]) -> Fitted:
    """Fit as the product does: the names of the intents are taught too.

    Args:
        encoded, intents, near: n messages, their intents, and their groups of near-duplicates, shape (n,).
    """
    titles = titles_of(intents)
    named = vectors.encode(list(titles.values())), list(titles)
    return fit(encoded, list(intents), near.astype(str).tolist(), titles=named)


def bitext_by_groups(vectors: Vectors) -> Values:
    """Train on four fifths of the groups of near-duplicates, test on one fifth; mean of several draws."""
    rows = bitext()
    messages, intents = rows["message"].tolist(), intents_of(rows)
    encoded, group_of = vectors.encode(messages), groups(messages, intents.tolist())
    names = np.unique(group_of)
    found, risks = [], []
    for draw in range(DRAWS):
        taken = np.random.default_rng(draw).permutation(names)[: round(TEST_SHARE * len(names))]
        held = np.isin(group_of, taken)
        rest = np.flatnonzero(~held)
        fitted = taught(vectors, encoded.part(rest), intents[rest].tolist(), group_of[rest])
        asked = Guesses.of(fitted.classifier, fitted.classifier.score(encoded.part(np.flatnonzero(held))))
        found.append(asked.percents(intents[held]))
        risks.append(_fresh_risk(fitted, asked, intents[held], vectors))
    note = f"{len(names):,} groups, {DRAWS} draws: {_each(found, 'accuracy')}"
    return _means(found, note) | {"risk": risks[0]}


def bitext_few(vectors: Vectors) -> Values:
    """Train on 20 random rows per intent, test on the rest of Bitext; mean of several draws."""
    rows = bitext()
    messages, intents = rows["message"].tolist(), intents_of(rows)
    encoded = vectors.encode(messages)
    found = []
    for draw in range(DRAWS):
        taken = few_rows(intents, FEW_ROWS, draw)
        rest = np.setdiff1d(np.arange(len(intents)), taken)
        fitted = _taught_few(vectors, messages, encoded, intents, taken)
        asked = Guesses.of(fitted.classifier, fitted.classifier.score(encoded.part(rest)))
        found.append(asked.percents(intents[rest]))
    return _means(found, f"{DRAWS} draws: {_each(found, 'accuracy')}")


def few_shot(vectors: Vectors) -> Values:
    """Train on 5 and 10 random rows per intent of Banking77 and CLINC150, test on their test parts."""
    parts = {
        "banking77": (load_banking77("train"), load_banking77("test")),
        "clinc150": (in_scope(load_clinc150("train")), in_scope(load_clinc150("test"))),
    }
    values: dict[str, tuple[float, str]] = {}
    for name, (train, test) in parts.items():
        messages, intents, truth = cleaned(train), intents_of(train), intents_of(test)
        encoded, asked = vectors.encode(messages), vectors.encode(cleaned(test))
        for count in FEW_SHOTS:
            found = []
            for draw in range(DRAWS):
                fitted = _taught_few(vectors, messages, encoded, intents, few_rows(intents, count, draw))
                found.append(Guesses.of(fitted.classifier, fitted.classifier.score(asked)).percents(truth))
            mean = _means(found, f"{len(test):,} messages, {DRAWS} draws: {_each(found, 'accuracy')}")
            values[f"{name}_{count}"] = mean["accuracy"]
    return values


def _taught_few(
    vectors: Vectors, messages: Sequence[str], encoded: Encoded, intents: NDArray[np.str_], taken: RowNumbers
) -> Fitted:
    names = intents[taken].tolist()
    return taught(vectors, encoded.part(taken), names, groups([messages[row] for row in taken], names))


def few_rows(intents: NDArray[np.str_], count: int, draw: int) -> RowNumbers:
    """Draw rows of each intent, intents in ascending order."""
    generator = np.random.default_rng(draw)
    return np.concatenate(
        [
            generator.choice(np.flatnonzero(intents == intent), count, replace=False)
            for intent in np.unique(intents)
        ]
    )


def banking77(vectors: Vectors) -> Values:
    """Train on Banking77's own train part, test on its test part."""
    test = load_banking77("test")
    fitted, asked = _taught(vectors, load_banking77("train"), test)
    found = _means([asked.percents(intents_of(test))], f"{len(test):,} messages")
    return found | {"risk": _fresh_risk(fitted, asked, intents_of(test), vectors)}


def clinc150(vectors: Vectors) -> Values:
    """Train on CLINC150's in-scope train part, test on its test part, both in scope and out of scope."""
    test, val = in_scope(load_clinc150("test")), in_scope(load_clinc150("val"))
    truth = intents_of(test)
    fitted, asked = _taught(vectors, in_scope(load_clinc150("train")), test)
    foreign = fitted.classifier.score(vectors.encode(cleaned(out_of_scope(load_clinc150("test"))))).scope
    tuned = pd.concat([load_clinc150("train"), load_clinc150("val")])
    strange = fitted.classifier.score(vectors.encode(cleaned(out_of_scope(tuned)))).scope
    said = fitted.classifier.score(vectors.encode(cleaned(val)))
    at = best_boundary(said.scope, strange, len(foreign) / len(test))
    columns = np.searchsorted(np.asarray(fitted.classifier.labels), intents_of(val))
    tuning = judged(said.probabilities, said.scope, columns)
    note = f"{len(test):,} messages in scope, {len(foreign):,} out of it, none taught or tuned with"
    return _means([asked.percents(truth)], f"{len(test):,} messages") | {
        "auroc": (100 * auroc(asked.scope, foreign), note),
        "recall": (100 * recall_at_acceptance(asked.scope, foreign), note),
        "f1": (100 * refusal_f1(asked.scope, foreign, 1.0, at), f"{note}, except for the boundary"),
        # The train part has many near-duplicates and is easier than the others: choose thresholds on the val part.
        "risk": _fresh_risk(fitted, asked, truth, vectors, tuning),
    }


def best_boundary(
    inside: NDArray[np.floating], outside: NDArray[np.floating], outside_per_inside: float
) -> float:
    """Return the scope score below which refusing gives the highest F1 (`refusal_f1`) at a ratio of messages."""
    weight = outside_per_inside * len(inside) / len(outside)
    return float(max(np.unique(inside), key=lambda at: refusal_f1(inside, outside, weight, float(at))))


def refusal_f1(
    inside: NDArray[np.floating], outside: NDArray[np.floating], weight: float, at: float
) -> float:
    """Return the F1 of refusing scores below `at`; each out-of-scope message counts `weight`."""
    refused = weight * float((outside < at).sum())
    return 2 * refused / (weight * len(outside) + refused + float((inside < at).sum()))


def _taught(vectors: Vectors, train: pd.DataFrame, test: pd.DataFrame) -> tuple[Fitted, Guesses]:
    messages, intents = cleaned(train), train["intent"].tolist()
    fitted = taught(vectors, vectors.encode(messages), intents, groups(messages, intents))
    return fitted, Guesses.of(fitted.classifier, fitted.classifier.score(vectors.encode(cleaned(test))))


def _fresh_risk(
    fitted: Fitted,
    asked: Guesses,
    truth: NDArray[np.str_],
    vectors: Vectors,
    tuning: Judged | None = None,
) -> tuple[float, str]:
    """Return the risk, in percent, on new messages, of thresholds chosen for the target of params.yaml.

    Out-of-scope messages are CLINC150's for every corpus: 200 to choose the thresholds, 1,000 others to test. In-scope
    scores are out-of-fold, as in every training, if no `tuning` is given.
    """
    params = TrainParams.read(ROOT / "params.yaml")

    def outside(*parts: pd.DataFrame) -> Scores:
        return fitted.classifier.score(vectors.encode(cleaned(out_of_scope(pd.concat(parts)))))

    scores = outside(load_clinc150("train"), load_clinc150("val"))
    at = learn_from(tuning or judge(fitted), scores, params).thresholds
    answered = asked.answered(at)
    passed = Guesses.of(fitted.classifier, outside(load_clinc150("test"))).answered(at)
    wrong, inside, strange = int((answered & (asked.intents != truth)).sum()), len(answered), len(passed)
    rates = np.asarray(wrong / inside), np.asarray(answered.mean()), np.asarray(passed.mean())
    share = params.share(len(scores.scope))
    found = 100 * float(risk(*rates, share))
    bound = 100 * risk_bound(wrong, int(answered.sum()), inside, int(passed.sum()), strange, share, LEVEL)
    sure = "which proves it" if bound <= 100 * params.target else "so these rows are too few to prove it"
    return found, (
        f"95 % upper bound {bound:.2f} %, {sure}; answers {rates[1]:.1%} of {inside:,} in scope "
        f"and {rates[2]:.1%} of {strange:,} out of scope, at {share:.0%} out of scope"
    )


def _means(found: Sequence[Mapping[str, float]], note: str) -> dict[str, tuple[float, str]]:
    return {name: (float(np.mean([scores[name] for scores in found])), note) for name in found[0]}


def _each(found: Sequence[Mapping[str, float]], name: str) -> str:
    return ", ".join(f"{scores[name]:.2f}" for scores in found) + " %"
