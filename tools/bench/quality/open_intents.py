"""Measure a bot that was taught some of a domain's intents and is asked about all of them: Banking77."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chatbot.dialog.router import Thresholds
from chatbot.model.classifier import Scores
from chatbot.model.encoder import Encoded
from data.similarity import groups
from tools.bench.quality.corpora import cleaned, intents_of, load_banking77
from tools.bench.quality.taught import DRAWS, Guesses, RowNumbers, Values, taught
from tools.bench.quality.vectors import Vectors
from training.model.fit import Fitted, score_unknown
from training.model.generic_pool import load_pool, uncovered
from training.model.thresholds import judge, learn

KNOWN = (25, 50, 75)
"""Percent of the intents that are taught, as in TEXTOIR (Zhang et al., 2021): the rest is one open class."""
BANK_INTENTS, BANK_TARGET, BANK_SHARE = 51, 0.05, 0.5
OPEN = ""
_STEPS = 40
"""Candidates of each threshold."""


def known_intents(vectors: Vectors) -> Values:
    """Teach 25, 50 and 75 % of the intents; accuracy on the test part, in which every other intent is `open`.

    The thresholds on scope and confidence are those that tell known intents from others best, equally weighted, on the
    training rows: out-of-fold, and with a third of the known intents left out at a time.
    """
    bank = _Bank(vectors)
    values: dict[str, tuple[float, str]] = {}
    for percent in KNOWN:
        found = []
        for draw in range(DRAWS):
            known, rows = bank.known(round(percent / 100 * len(bank.names)), draw)
            fitted = bank.fit(rows)
            at = boundary(fitted, bank.train.part(rows))
            asked = Guesses.of(fitted.classifier, fitted.classifier.score(bank.test))
            said = np.where(asked.answered(at), asked.intents, OPEN)
            truth = np.where(np.isin(bank.truth, known), bank.truth, OPEN)
            found.append(100 * float((said == truth).mean()))
        each = ", ".join(f"{one:.1f}" for one in found)
        values[f"known_{percent}"] = (float(np.mean(found)), f"{DRAWS} draws: {each} %")
    return values


def bank_of_51(vectors: Vectors) -> Values:
    """Teach 51 intents without out-of-scope rows; coverage and realised risk in scope of thresholds for 5 %."""
    bank = _Bank(vectors)
    pool = vectors.encode(load_pool())
    asked_count = answered_count = wrong_count = 0
    for draw in range(DRAWS):
        known, rows = bank.known(BANK_INTENTS, draw)
        fitted = bank.fit(rows)
        part = bank.train.part(rows)
        outside = fitted.classifier.score(pool.part(uncovered(pool.vectors, part.vectors)))
        confidence = outside.probabilities.max(axis=1)
        at = learn(judge(fitted), confidence, outside.scope, BANK_TARGET, BANK_SHARE).thresholds
        mine = np.flatnonzero(np.isin(bank.truth, known))
        asked = Guesses.of(fitted.classifier, fitted.classifier.score(bank.test.part(mine)))
        answered = asked.answered(at)
        asked_count, answered_count = asked_count + len(mine), answered_count + int(answered.sum())
        wrong_count += int((answered & (asked.intents != bank.truth[mine])).sum())
    note = f"{DRAWS} draws, {wrong_count:,} of {answered_count:,} answers wrong"
    return {
        "bank_coverage": (100 * answered_count / asked_count, f"{asked_count:,} messages"),
        "bank_risk": (100 * wrong_count / max(1, answered_count), note),
    }


def boundary(fitted: Fitted, encoded: Encoded) -> Thresholds:
    """Return the thresholds on confidence and scope that tell known from left-out intents best on training rows.

    Args:
        encoded: the messages that `fitted` was fitted on.
    """
    held = fitted.out_of_fold
    right = held.probabilities.argmax(axis=1) == fitted.labels[held.rows]
    return best_pair(Scores(held.probabilities, held.scope), right, score_unknown(encoded, fitted))


def best_pair(inside: Scores, right: NDArray[np.bool_], outside: Scores) -> Thresholds:
    """Return the thresholds with the highest mean of right answers in scope and refused messages out of scope.

    Args:
        inside, outside: scores of n in-scope and k out-of-scope messages.
        right: shape (n,): the first choice is right.
    """
    sure, sure_outside = inside.probabilities.max(axis=1), outside.probabilities.max(axis=1)
    steps = np.linspace(0, 0.75, _STEPS)
    best, found = -1.0, Thresholds(answer=0.0, clarify=1.0, scope=0.0)
    for scope in np.quantile(inside.scope, steps):
        kept, passed = right & (inside.scope >= scope), outside.scope >= scope
        for answer in np.quantile(sure, steps):
            value = (kept & (sure >= answer)).mean() + 1 - (passed & (sure_outside >= answer)).mean()
            if value > best:
                best, found = float(value), Thresholds(answer=float(answer), clarify=1.0, scope=float(scope))
    return found


class _Bank:
    """Banking77, encoded once."""

    def __init__(self, vectors: Vectors) -> None:
        train, test = load_banking77("train"), load_banking77("test")
        self._vectors, self._messages, self._intents = vectors, cleaned(train), intents_of(train)
        self.names = np.unique(self._intents)
        self.train, self.test = vectors.encode(self._messages), vectors.encode(cleaned(test))
        self.truth = intents_of(test)

    def known(self, count: int, draw: int) -> tuple[NDArray[np.str_], RowNumbers]:
        """Draw intents, and return them with their training rows."""
        known = np.random.default_rng(draw).choice(self.names, count, replace=False)
        return known, np.flatnonzero(np.isin(self._intents, known))

    def fit(self, rows: RowNumbers) -> Fitted:
        """Fit the product's classifier on some training rows."""
        names = self._intents[rows].tolist()
        near = groups([self._messages[row] for row in rows], names)
        return taught(self._vectors, self.train.part(rows), names, near)
