"""Candidate classifiers compared in docs/classifier.md: heads that return logits, and scope scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from chatbot.model.classifier import Classifier, Floats, views
from chatbot.model.encoder import Encoded
from training.model.head import Columns, Moments, fit_head, whitening

Logits = NDArray[np.floating]
Variant = Callable[[Encoded, Columns, Encoded], Logits]
"""Training messages, their label indices, other messages -> scores of the others, shape (n, labels)."""
Features = Callable[[Encoded, Encoded], tuple[Floats, Floats]]
"""Training messages, other messages -> features of both, shape (n, axes)."""

LEXICAL_AXES = 512
ANY_WORD = r"\S+"
LANDMARKS = 2_000


@dataclass(frozen=True, slots=True)
class Whitened:
    """Encoder layers, each principal axis divided by its standard deviation to the given power."""

    layers: Callable[[Encoded], Floats]
    power: float

    def __call__(self, taught: Encoded, others: Encoded) -> tuple[Floats, Floats]:
        """Return the features of both, shape (n, axes)."""
        rows = self.layers(taught)
        centre, projection = whitening(Moments.of(rows), self.power)
        inside: Floats = rows - centre
        outside: Floats = self.layers(others) - centre
        return inside @ projection, outside @ projection


def logistic(features: Features) -> Variant:
    """Return multinomial logistic regression on the features, C=10."""

    def variant(taught: Encoded, columns: Columns, others: Encoded) -> Logits:
        inside, outside = features(taught, others)
        model = LogisticRegression(C=10.0, tol=1e-4, max_iter=300).fit(inside, columns)
        return np.asarray(model.decision_function(outside))

    return variant


def chosen(taught: Encoded, columns: Columns, others: Encoded) -> Logits:
    """Score with the shipped head."""
    head = fit_head(taught, columns, int(columns.max()) + 1)
    return head.logits(head.whiten(others))


def plain(taught: Encoded, others: Encoded) -> tuple[Floats, Floats]:
    """Return the sentence embeddings unchanged."""
    return taught.vectors, others.vectors


def lexical(taught: Encoded, others: Encoded) -> tuple[Floats, Floats]:
    """Return TF-IDF features of wordpieces and their bigrams, projected onto principal axes."""
    tfidf = TfidfVectorizer(token_pattern=ANY_WORD, ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32)
    inside = tfidf.fit_transform(_texts(taught))
    axes = max(1, min(LEXICAL_AXES, *(size - 1 for size in inside.shape)))
    reduce = TruncatedSVD(axes, n_iter=2, random_state=0).fit(inside)
    return reduce.transform(inside), reduce.transform(tfidf.transform(_texts(others)))


def beside(first: Features, second: Features, weight: float) -> Features:
    """Concatenate two kinds of features, the second with a weight."""

    def features(taught: Encoded, others: Encoded) -> tuple[Floats, Floats]:
        one, two = first(taught, others), second(taught, others)
        inside, outside = (
            np.hstack([a, weight * b]).astype(np.float32) for a, b in zip(one, two, strict=True)
        )
        return inside, outside

    return features


def discriminant(taught: Encoded, columns: Columns, others: Encoded) -> Logits:
    """Score by linear discriminant analysis with a shrunk covariance."""
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(taught.vectors, columns)
    return np.asarray(model.decision_function(others.vectors))


def kernel(taught: Encoded, columns: Columns, others: Encoded) -> Logits:
    """Score by ridge regression on a Gaussian kernel, approximated by landmarks (Nystroem)."""
    landmarks = min(LANDMARKS, len(columns))
    centre = taught.vectors.mean(axis=0)
    model = make_pipeline(
        Nystroem(gamma=1.0, n_components=landmarks, random_state=0), RidgeClassifier(alpha=0.1)
    )
    return np.asarray(model.fit(taught.vectors - centre, columns).decision_function(others.vectors - centre))


def margin(taught: Encoded, columns: Columns, others: Encoded) -> Logits:
    """Score by a linear support vector machine on the shipped features."""
    inside, outside = Whitened(views, 0.5)(taught, others)
    return np.asarray(LinearSVC(C=1.0).fit(inside, columns).decision_function(outside))


HALF = Whitened(views, 0.5)

HEADS: dict[str, Variant] = {
    "logistic regression on the embedding, C=10": logistic(plain),
    "linear discriminant on the embedding": discriminant,
    "kernel ridge (Nystroem) on the embedding": kernel,
    "embedding beside wordpiece TF-IDF": logistic(beside(plain, lexical, 0.7)),
    "embedding, half whitened": logistic(Whitened(lambda e: e.vectors, 0.5)),
    "three layers": logistic(Whitened(views, 0.0)),
    "three layers, whitened": logistic(Whitened(views, 1.0)),
    "two layers, half whitened": logistic(Whitened(lambda e: np.hstack([e.vectors, e.middle]), 0.5)),
    "three layers, half whitened, beside TF-IDF": logistic(beside(HALF, lexical, 0.5)),
    "three layers, half whitened, linear SVM": margin,
    "**three layers, half whitened, C by size**": chosen,
}


def scope_scores(classifier: Classifier, encoded: Encoded) -> dict[str, Floats]:
    """Compute each candidate out-of-distribution score; higher is more in scope; shape (n,) each."""
    logits, measures = classifier.measure(encoded)
    energy, direction, nearness = measures.T
    scores = classifier.score(encoded)
    usual = (measures - classifier.scope.usual[0]) / classifier.scope.usual[1]
    return {
        "largest probability": scores.probabilities.max(axis=1),
        "largest logit": logits.max(axis=1),
        "energy": energy,
        "direction": direction,
        "nearness to a prototype": nearness,
        "largest probability times nearness": scores.probabilities.max(axis=1) * nearness,
        "energy and nearness": usual[:, [0, 2]].mean(axis=1),
        "direction and nearness": usual[:, [1, 2]].mean(axis=1),
        "**energy, direction and nearness**": scores.scope,
    }


def _texts(encoded: Encoded) -> list[str]:
    return [" ".join(["^", *map(str, row), "$"]) for row in encoded.tokens]
