"""Encoded message to calibrated confidence and scope: a linear head and three measures, in numpy.

The head is multinomial logistic regression over three layers of the encoder, centred and half whitened.
Confidence is its softmax after temperature scaling (Guo et al., 2017). Scope adds up, each in standard
deviations of what is usual for messages that belong to an intent:

- the energy of the logits, logsumexp (Liu et al., 2020);
- the direction: the largest cosine between the whitened message and the weights of an intent. Energy grows
  with the length of a message's vector, this does not, which helps where intents have few messages;
- the nearness: the largest cosine between the sentence embedding and a prototype of any intent, in the
  manner of nearest-neighbour detection (Sun et al., 2022), with prototypes in place of neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.encoder import Encoded

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scores:
    """What the classifier says of n messages.

    Attributes:
        probabilities: shape (n, labels), float32, calibrated; a row adds up to one.
        scope: shape (n,), float32, in (0, 1), higher is more in scope: of the messages that belong to an
            intent, one in twenty lies below 0.5.
    """

    probabilities: Floats
    scope: Floats


@dataclass(frozen=True, slots=True)
class Head:
    """Logits of whitened views.

    Attributes:
        centre: shape (3 * dim,): the mean of the views side by side.
        projection: shape (3 * dim, axes): principal axes, each divided by the root of its standard deviation.
        weights: shape (axes, labels); bias: shape (labels,). A label that was not taught has no weights and
            a bias so low that it is never claimed.
    """

    centre: Floats
    projection: Floats
    weights: Floats
    bias: Floats

    def whiten(self, encoded: Encoded) -> Floats:
        """Shape (n, axes)."""
        centred: Floats = views(encoded) - self.centre
        return centred @ self.projection

    def logits(self, whitened: Floats) -> Floats:
        """Shape (n, labels)."""
        logits: Floats = whitened @ self.weights + self.bias
        return logits


@dataclass(frozen=True, slots=True)
class Scope:
    """How familiar a message is.

    Attributes:
        prototypes: shape (m, dim): a few means for each intent, of sentence embeddings less the corpus's
            mean, each of length one.
        directions: shape (axes, labels): the head's weights, each column of length one (or zero).
        usual: shape (2, 3): mean and standard deviation of the measures over messages that were not taught.
        scale: shape (2,): the sum's 5 % quantile over the same, and its standard deviation.
    """

    prototypes: Floats
    directions: Floats
    usual: Floats
    scale: Floats

    def measures(self, centred: Floats, whitened: Floats, logits: Floats) -> Floats:
        """Energy, direction and nearness, shape (n, 3); higher is more in scope.

        Args:
            centred: shape (n, dim): sentence embeddings less the corpus's mean.
            whitened: shape (n, axes). logits: shape (n, labels).
        """
        direction = (_unit(whitened) @ self.directions).max(axis=1)
        nearness = (_unit(centred) @ self.prototypes.T).max(axis=1)
        return np.stack([energy(logits), direction, nearness], axis=1)

    def score(self, measures: Floats) -> Floats:
        """Shape (n,), in (0, 1)."""
        away = (self.total(measures) - self.scale[0]) / self.scale[1]
        score: Floats = 1 / (1 + np.exp(-np.clip(away, -30, 30)))
        return score

    def total(self, measures: Floats) -> Floats:
        """The measures in standard deviations, averaged: shape (n,)."""
        total: Floats = ((measures - self.usual[0]) / self.usual[1]).mean(axis=1)
        return total


@dataclass(frozen=True, slots=True)
class Classifier:
    """Head, temperature and scope of a bundle."""

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
        if classifier.head.bias.shape != (len(labels),):
            raise ValueError(f"{len(classifier.head.bias)} columns for {len(labels)} labels")
        return classifier

    def measure(self, encoded: Encoded) -> tuple[Floats, Floats]:
        """Logits, shape (n, labels), and scope measures, shape (n, 3), before anything is calibrated."""
        whitened = self.head.whiten(encoded)
        logits = self.head.logits(whitened)
        centred = encoded.vectors - self.head.centre[: encoded.vectors.shape[1]]
        return logits, self.scope.measures(centred, whitened, logits)

    def score(self, encoded: Encoded) -> Scores:
        """Calibrated probabilities and scope of n encoded messages."""
        logits, measures = self.measure(encoded)
        return Scores(softmax(logits / np.float32(self.temperature)), self.scope.score(measures))


_PARTS: tuple[tuple[str, type], ...] = (("head", Head), ("scope", Scope))


def views(encoded: Encoded) -> Floats:
    """The three layers side by side, shape (n, 3 * dim)."""
    return np.hstack([encoded.vectors, encoded.middle, encoded.bottom])


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
