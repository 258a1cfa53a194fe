"""Evaluate the product's own functions on published corpora: trained on one part, tested on another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.model.classifier import Classifier
from chatbot.model.encoder import Encoded
from data.placeholders import fill_all
from data.splitting import groups
from tools.bench.quality.corpora import load_banking77, load_bitext, load_clinc150
from tools.bench.quality.vectors import Vectors
from tools.bench.speed.servers import ROOT
from training.model.evaluation.metrics import auroc, ece, recall_at_acceptance, risk, risk_bound
from training.model.evaluation.outcome import macro_f1
from training.model.fit import Fitted, fit
from training.model.params import read_params
from training.model.thresholds import LEVEL, judge, judged, learn_from
from training.model.thresholds import Judged as Tuning

TEST_SHARE = 0.2
FEW_ROWS = 20
DRAWS = 3

Values = Mapping[str, tuple[float, str]]
"""By a figure's key: percent, and a note."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A classifier's results for n messages it was not trained on; every array has shape (n,)."""

    truth: NDArray[np.str_]
    guess: NDArray[np.str_]
    confidence: NDArray[np.floating]
    scope: NDArray[np.floating]

    @classmethod
    def of(cls, classifier: Classifier, encoded: Encoded, truth: Sequence[str]) -> Judged:
        scores = classifier.score(encoded)
        first = scores.probabilities.argmax(axis=1)
        guess = np.asarray(classifier.labels)[first]
        return cls(np.asarray(truth, dtype=np.str_), guess, scores.probabilities.max(axis=1), scores.scope)

    @property
    def right(self) -> NDArray[np.bool_]:
        return np.asarray(self.guess == self.truth)

    def scores(self) -> dict[str, float]:
        """Return accuracy, macro F1 and expected calibration error (ECE), in percent."""
        return {
            "accuracy": 100 * float(self.right.mean()),
            "macro_f1": 100 * macro_f1(self.truth, self.guess),
            "ece": 100 * ece(self.confidence, self.right),
        }


def bitext_by_groups(vectors: Vectors, draws: int = DRAWS) -> Values:
    """Train on four fifths of the groups of near-duplicates, test on one fifth; mean of several draws."""
    rows = bitext()
    messages, intents = rows["message"].tolist(), rows["intent"].to_numpy(dtype=np.str_)
    encoded, group_of = vectors.encode(messages), groups(messages, intents.tolist())
    names = np.unique(group_of)
    found, risks = [], []
    for draw in range(draws):
        taken = np.random.default_rng(draw).permutation(names)[: round(TEST_SHARE * len(names))]
        held = np.isin(group_of, taken)
        rest = np.flatnonzero(~held)
        fitted = fit(encoded.part(rest), intents[rest].tolist(), group_of[rest].astype(str).tolist())
        asked = Judged.of(fitted.classifier, encoded.part(np.flatnonzero(held)), intents[held].tolist())
        found.append(asked.scores())
        risks.append(_fresh_risk(fitted, asked, vectors))
    note = f"{len(names):,} groups, {draws} draws: {_each(found, 'accuracy')}"
    return _means(found, note) | {"risk": risks[0]}


def bitext_few(vectors: Vectors, draws: int = DRAWS) -> Values:
    """Train on 20 random rows per intent, test on the rest of Bitext; mean of several draws."""
    rows = bitext()
    messages, intents = rows["message"].tolist(), rows["intent"].to_numpy(dtype=np.str_)
    encoded = vectors.encode(messages)
    found = []
    for draw in range(draws):
        generator = np.random.default_rng(draw)
        taken = np.concatenate(
            [
                generator.choice(np.flatnonzero(intents == intent), FEW_ROWS, replace=False)
                for intent in np.unique(intents)
            ]
        )
        rest = np.setdiff1d(np.arange(len(intents)), taken)
        names = intents[taken].tolist()
        near = groups([messages[row] for row in taken], names)
        fitted = fit(encoded.part(taken), names, near.astype(str).tolist())
        found.append(Judged.of(fitted.classifier, encoded.part(rest), intents[rest].tolist()).scores())
    return _means(found, f"{draws} draws: {_each(found, 'accuracy')}")


def banking77(vectors: Vectors) -> Values:
    """Train on Banking77's own train part, test on its test part."""
    fitted, asked = _taught(vectors, load_banking77("train"), load_banking77("test"))
    return _means([asked.scores()], f"{len(asked.truth):,} messages") | {
        "risk": _fresh_risk(fitted, asked, vectors)
    }


def clinc150(vectors: Vectors) -> Values:
    """Train on CLINC150's in-scope train part, test on its test part, both in scope and out of scope."""
    test = load_clinc150("test")
    outside = test["intent"] == OUT_OF_SCOPE
    train = load_clinc150("train")
    fitted, asked = _taught(vectors, train[train["intent"] != OUT_OF_SCOPE], test[~outside])
    foreign = fitted.classifier.score(vectors.encode(_cleaned(test[outside]))).scope
    val = load_clinc150("val")
    val = val[val["intent"] != OUT_OF_SCOPE]
    said = fitted.classifier.score(vectors.encode(_cleaned(val)))
    truth = np.searchsorted(np.asarray(fitted.classifier.labels), val["intent"].to_numpy(dtype=np.str_))
    tuning = judged(said.probabilities, said.scope, truth)
    note = f"{len(asked.truth):,} messages in scope, {len(foreign):,} out of it, none taught or tuned with"
    return _means([asked.scores()], f"{len(asked.truth):,} messages") | {
        "auroc": (100 * auroc(asked.scope, foreign), note),
        "recall": (100 * recall_at_acceptance(asked.scope, foreign), note),
        # The train part has many near-duplicates and is easier than the others: choose thresholds on the val part.
        "risk": _fresh_risk(fitted, asked, vectors, tuning),
    }


def bitext() -> pd.DataFrame:
    """Load the published corpus with filled placeholders and cleaned messages, as training reads them."""
    rows = fill_all(load_bitext())
    return rows.assign(message=rows["message"].map(clean))


def _taught(vectors: Vectors, train: pd.DataFrame, test: pd.DataFrame) -> tuple[Fitted, Judged]:
    messages, intents = _cleaned(train), train["intent"].tolist()
    near = groups(messages, intents).astype(str).tolist()
    fitted = fit(vectors.encode(messages), intents, near)
    return fitted, Judged.of(fitted.classifier, vectors.encode(_cleaned(test)), test["intent"].tolist())


def _fresh_risk(
    fitted: Fitted, asked: Judged, vectors: Vectors, tuning: Tuning | None = None
) -> tuple[float, str]:
    """Return the risk, in percent, on new messages, of thresholds chosen for the target of params.yaml.

    Out-of-scope messages are CLINC150's for every corpus: 200 to choose the thresholds, 1,000 others to test. In-scope
    scores are out-of-fold, as in every training, if no `tuning` is given.
    """
    params = read_params(ROOT / "params.yaml")
    scores = fitted.classifier.score(
        _outside(vectors, pd.concat([load_clinc150("train"), load_clinc150("val")]))
    )
    at = learn_from(tuning or judge(fitted), scores, params).thresholds
    answered = (asked.confidence >= at.answer) & (asked.scope >= at.scope)
    foreign = fitted.classifier.score(_outside(vectors, load_clinc150("test")))
    passed = (foreign.probabilities.max(axis=1) >= at.answer) & (foreign.scope >= at.scope)
    wrong, inside, outside = int((answered & ~asked.right).sum()), len(answered), len(passed)
    rates = np.asarray(wrong / inside), np.asarray(answered.mean()), np.asarray(passed.mean())
    share = params.share(len(scores.scope))
    found = 100 * float(risk(*rates, share))
    bound = 100 * risk_bound(wrong, int(answered.sum()), inside, int(passed.sum()), outside, share, LEVEL)
    sure = "which proves it" if bound <= 100 * params.target else "so these rows are too few to prove it"
    return found, (
        f"95 % upper bound {bound:.2f} %, {sure}; answers {rates[1]:.1%} of {inside:,} in scope "
        f"and {rates[2]:.1%} of {outside:,} out of scope, at {share:.0%} out of scope"
    )


def _outside(vectors: Vectors, rows: pd.DataFrame) -> Encoded:
    return vectors.encode(_cleaned(rows[rows["intent"] == OUT_OF_SCOPE]))


def _cleaned(rows: pd.DataFrame) -> list[str]:
    return [clean(message) for message in rows["message"]]


def _means(found: Sequence[Mapping[str, float]], note: str) -> dict[str, tuple[float, str]]:
    return {name: (float(np.mean([scores[name] for scores in found])), note) for name in found[0]}


def _each(found: Sequence[Mapping[str, float]], name: str) -> str:
    return ", ".join(f"{scores[name]:.2f}" for scores in found) + " %"
