"""Encoded message to calibrated confidence and scope: a linear head and three distances, in numpy.

The head is multinomial logistic regression over three views of a message: the sentence embedding, a middle layer of the
same encoder, and wordpiece n-grams. Confidence is its softmax after temperature scaling (Guo et al., 2017). Scope adds
up, each in standard deviations of what is usual for messages the bot was taught:

- the energy of the logits, logsumexp (Liu et al., 2020);
- the relative Mahalanobis distance: to the nearest intent, less that to the whole corpus (Ren et al., 2021);
- the mean cosine to the nearest taught messages (Sun et al., 2022).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.encoder import Encoded
from chatbot.lexical import Vocabulary

NEIGHBOURS = 5

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scores:
    """What the classifier says of n messages.

    Attributes:
        probabilities: shape (n, labels), float32, calibrated; a row adds up to one.
        scope: shape (n,), float32: 0 is usual for a taught message, lower is more foreign, in standard deviations
            of the sum.
    """

    probabilities: Floats
    scope: Floats


@dataclass(frozen=True, slots=True)
class Head:
    """Logits as a sum over the views.

    Attributes:
        centres: shape (2, dim): the mean of each view, taken off before a vector is scaled to length one again.
        dense: shape (2 * dim, labels); lexical: shape (vocabulary, labels), float16; bias: shape (labels,).
        keys, idf: the vocabulary of the lexical view.
    """

    centres: Floats
    dense: Floats
    lexical: NDArray[np.float16]
    bias: Floats
    keys: NDArray[np.int64]
    idf: Floats

    def views(self, encoded: Encoded) -> Floats:
        """The two dense views side by side, shape (n, 2 * dim)."""
        return dense_views(encoded, self.centres)

    def logits(self, encoded: Encoded, views: Floats | None = None) -> Floats:
        """Shape (n, labels)."""
        views = self.views(encoded) if views is None else views
        counts = Vocabulary(self.keys, self.idf).count(encoded.tokens)
        logits: Floats = views @ self.dense + counts.times(self.lexical) + self.bias
        return logits


@dataclass(frozen=True, slots=True)
class Scope:
    """How far a message is from what was taught.

    The relative Mahalanobis distance of x is (x-m)' P (x-m) of the nearest intent's mean m, less (x-c)' Q (x-c) of the
    whole corpus's centre c. Multiplied out, what depends on x is one quadratic form and one product for each mean.

    Attributes:
        quadratic: shape (2 * dim, 2 * dim): Q - P.
        linear: shape (2 * dim,): -2 Q c.
        turned: shape (labels, 2 * dim): P m of each intent; norms: shape (labels,): m' P m.
        taught: shape (m, dim): embeddings of taught messages, a sample where there are many.
        usual: shape (2, 3): mean and standard deviation of energy, relative Mahalanobis distance and cosine on
            messages of the corpus that were not taught.
    """

    quadratic: Floats
    linear: Floats
    turned: Floats
    norms: Floats
    taught: Floats
    usual: Floats

    def parts(self, vectors: Floats, views: Floats, logits: Floats) -> Floats:
        """Shape (n, 3): energy, relative Mahalanobis distance (negative) and cosine; higher is more in scope."""
        return np.stack([energy(logits), self._mahalanobis(views), self._cosine(vectors)], axis=1)

    def score(self, parts: Floats) -> Floats:
        """Shape (n,): the parts in standard deviations, averaged."""
        mean: Floats = ((parts - self.usual[0]) / self.usual[1]).mean(axis=1)
        return mean

    def _mahalanobis(self, views: Floats) -> Floats:
        nearest = (self.norms - 2 * views @ self.turned.T).min(axis=1)
        distance: Floats = (
            np.einsum("ij,ij->i", views @ self.quadratic, views) + views @ self.linear - nearest
        )
        return distance

    def _cosine(self, vectors: Floats) -> Floats:
        cosines = vectors @ self.taught.T
        count = min(NEIGHBOURS, cosines.shape[1])
        nearest: Floats = np.partition(cosines, -count, axis=1)[:, -count:].mean(axis=1)
        return nearest


@dataclass(frozen=True, slots=True)
class Classifier:
    """Head, temperature and scope score of a bundle; `score` costs a small part of what the encoder does."""

    labels: tuple[str, ...]
    temperature: float
    head: Head
    scope: Scope

    def to_tensors(self) -> dict[str, NDArray[Any]]:
        """Everything but labels and temperature, by name, for safetensors."""
        return {
            f"{part}.{f.name}": getattr(getattr(self, part), f.name)
            for part, kind in _PARTS
            for f in fields(kind)
        }

    @classmethod
    def from_tensors(
        cls, labels: tuple[str, ...], temperature: float, tensors: dict[str, NDArray[Any]]
    ) -> Classifier:
        """Raises: KeyError: a tensor is missing. ValueError: the tensors are not made for so many labels."""
        parts: dict[str, Any] = {
            part: kind(**{f.name: tensors[f"{part}.{f.name}"] for f in fields(kind)}) for part, kind in _PARTS
        }
        classifier = cls(labels, temperature, **parts)
        if len(classifier.head.bias) != len(labels) or len(classifier.scope.norms) != len(labels):
            raise ValueError(f"{len(classifier.head.bias)} columns for {len(labels)} labels")
        return classifier

    def score(self, encoded: Encoded) -> Scores:
        """Calibrated probabilities and scope of n encoded messages."""
        views = self.head.views(encoded)
        logits = self.head.logits(encoded, views)
        scope = self.scope.score(self.scope.parts(encoded.vectors, views, logits))
        return Scores(softmax(logits / np.float32(self.temperature)), scope)


_PARTS: tuple[tuple[str, type], ...] = (("head", Head), ("scope", Scope))


def dense_views(encoded: Encoded, centres: Floats) -> Floats:
    """Each dense view less its centre, scaled to length one, side by side: shape (n, 2 * dim)."""
    return np.hstack(
        [
            _unit(view - centre)
            for view, centre in zip((encoded.vectors, encoded.middle), centres, strict=True)
        ]
    )


def softmax(logits: Floats) -> Floats:
    """Of each row."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def energy(logits: Floats) -> Floats:
    """Logsumexp of each row: high where some intent is claimed, low where none is."""
    top = logits.max(axis=1)
    summed: Floats = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return summed


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = vectors / np.maximum(length, np.float32(1e-9))
    return scaled
