"""Classify intents: calibrated confidence and an out-of-distribution score from encoded messages, in numpy.

The head is multinomial logistic regression on three layers of the encoder, centred and partially whitened. A second
term of the logits is the likeness of the sentence embedding to the prototypes of each intent, with a weight learned
out of fold: it helps most where intents have few messages, which logistic regression on many axes overfits.
Confidence is its softmax after calibration by temperature scaling (Guo et al., 2017). The out-of-distribution
score (scope) averages three measures, each standardized (z-score) on in-scope messages:

- energy: logsumexp of the logits (Liu et al., 2020);
- direction: largest cosine between the whitened message and the weights of an intent. Unlike energy it does not
  depend on the norm of the message's vector, which helps where intents have few messages;
- nearness: largest cosine between the sentence embedding and a prototype of any intent, like nearest-neighbour
  out-of-distribution detection (Sun et al., 2022) with prototypes instead of neighbours.

A penalty is subtracted where a message resembles the corpus's own out-of-scope rows: logistic regression of the
intents' messages against these rows. It is bounded by zero, so that a message gains nothing by being unlike them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.model.encoder import Encoded

Floats = NDArray[np.float32]
_NO_PENALTY = np.empty(0, dtype=np.float32)
SHARPNESS = np.float32(10)
"""Of the soft maximum over an intent's prototypes: between their mean (0) and the nearest one (infinite)."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Classifier output for n messages.

    Attributes:
        probabilities: shape (n, labels), float32, calibrated; each row sums to one.
        scope: shape (n,), float32, in (0, 1): out-of-distribution score, higher is more in scope; 5 % of the
            in-scope messages are below 0.5.
    """

    probabilities: Floats
    scope: Floats

    def part(self, rows: NDArray[np.int64]) -> Scores:
        """Return the scores of some messages."""
        return Scores(self.probabilities[rows], self.scope[rows])


@dataclass(frozen=True, slots=True)
class Head:
    """Linear head: logits from whitened features.

    Attributes:
        centre: shape (3 * dim,): mean of the concatenated layers (`views`).
        projection: shape (3 * dim, axes): principal axes, each divided by the square root of its standard
            deviation.
        weights: shape (axes, labels); zero for labels without training rows.
        bias: shape (labels,); so low for labels without training rows that they are never predicted.
    """

    centre: Floats
    projection: Floats
    weights: Floats
    bias: Floats

    def whiten(self, encoded: Encoded) -> Floats:
        """Center and project the layers to whitened features, shape (n, axes)."""
        centred: Floats = views(encoded) - self.centre
        return centred @ self.projection

    def logits(self, whitened: Floats) -> Floats:
        """Compute logits, shape (n, labels)."""
        logits: Floats = whitened @ self.weights + self.bias
        return logits


@dataclass(frozen=True, slots=True)
class Scope:
    """Out-of-distribution detector: how similar a message is to the training data.

    Attributes:
        prototypes: shape (m, dim): a few cluster means per intent of mean-centered sentence embeddings, each of
            unit length.
        directions: shape (axes, labels): the head's weights, each column of unit length (or zero).
        usual: shape (2, 3): mean and standard deviation of the measures on out-of-fold messages.
        scale: shape (2,): 5 % quantile and standard deviation of `total` on the same messages.
        refusal: shape (axes + 1,): weights and bias of the log odds that a message is in scope, against the corpus's
            own out-of-scope rows; empty: no penalty (too few such rows, or a bundle of format 1).
    """

    prototypes: Floats
    directions: Floats
    usual: Floats
    scale: Floats
    refusal: Floats = field(default_factory=lambda: _NO_PENALTY)

    def measures(self, cosines: Floats, whitened: Floats) -> Floats:
        """Compute direction, nearness and penalty, shape (n, 3); higher is more in scope.

        Args:
            cosines: shape (n, m): of the message and each prototype.
            whitened: shape (n, axes): whitened features.
        """
        direction = (_unit(whitened) @ self.directions).max(axis=1)
        return np.stack([direction, cosines.max(axis=1), self._penalty(whitened)], axis=1)

    def _penalty(self, whitened: Floats) -> Floats:
        """Compute the log probability of being in scope, shape (n,), at most 0."""
        if not self.refusal.size:
            return np.zeros(len(whitened), dtype=np.float32)
        odds = whitened @ self.refusal[:-1] + self.refusal[-1]
        penalty: Floats = -np.logaddexp(np.float32(0), -odds)
        return penalty

    def score(self, measures: Floats) -> Floats:
        """Map the measures to the out-of-distribution score, shape (n,), in (0, 1)."""
        away = (self.total(measures) - self.scale[0]) / self.scale[1]
        score: Floats = 1 / (1 + np.exp(-np.clip(away, -30, 30)))
        return score

    def total(self, measures: Floats) -> Floats:
        """Average the standardized measures and add the penalty, shape (n,)."""
        total: Floats = ((measures[:, :-1] - self.usual[0]) / self.usual[1]).mean(axis=1)
        return total + measures[:, -1]


@dataclass(frozen=True, slots=True)
class Likeness:
    """Second term of the logits: how similar a message is to the prototypes of each intent (`Scope.prototypes`).

    Attributes:
        counts: shape (labels,): how many prototypes each label has, in the order of the prototypes; all are 0 in a
            bundle of format 1 or 2, which has no such term.
        weight: shape (1,): of the term; 0: the head alone.
    """

    counts: NDArray[np.int64]
    weight: Floats

    def of(self, cosines: Floats) -> Floats:
        """Compute the soft maximum of the cosines, shape (n, m), to each label's prototypes, shape (n, labels)."""
        known = np.flatnonzero(self.counts)
        alike = np.zeros((len(cosines), len(self.counts)), dtype=np.float32)
        if known.size:
            counts = self.counts[known]
            summed = np.add.reduceat(np.exp(SHARPNESS * (cosines - 1)), np.cumsum(counts) - counts, axis=1)
            alike[:, known] = np.log(summed / counts.astype(np.float32)) / SHARPNESS
        return alike


@dataclass(frozen=True, slots=True)
class Classifier:
    """A bundle's classifier: head, likeness, calibration (temperature) and out-of-distribution detector."""

    labels: tuple[str, ...]
    temperature: float
    head: Head
    scope: Scope
    likeness: Likeness

    def to_tensors(self) -> dict[str, NDArray[Any]]:
        """Return all tensors by name, for safetensors; excludes labels and temperature."""
        return {
            f"{part}.{f.name}": getattr(getattr(self, part), f.name)
            for part, kind in _PARTS
            for f in fields(kind)
        }

    @classmethod
    def from_tensors(
        cls, labels: tuple[str, ...], temperature: float, tensors: dict[str, NDArray[Any]]
    ) -> Classifier:
        """Build a classifier from the result of `to_tensors`.

        Raises:
            KeyError: a tensor is missing that every format has.
            ValueError: a tensor holds NaN or infinity, or has another shape than the others need.
        """
        absent: dict[str, NDArray[Any]] = {
            "scope.refusal": _NO_PENALTY,
            "likeness.counts": np.zeros(len(labels), dtype=np.int64),
            "likeness.weight": np.zeros(1, dtype=np.float32),
        }
        tensors = {**absent, **tensors}
        parts: dict[str, Any] = {
            part: kind(**{f.name: tensors[f"{part}.{f.name}"] for f in fields(kind)}) for part, kind in _PARTS
        }
        classifier = cls(labels, temperature, **parts)
        if classifier.head.bias.shape != (len(labels),):
            raise ValueError(f"{classifier.head.bias.size} columns for {len(labels)} labels")
        classifier._check()
        return classifier

    def _check(self) -> None:
        """Refuse tensors that fail in use, or make every score NaN, so that no message would be out of scope."""
        head, scope = self.head, self.scope
        (features, axes), clusters = head.projection.shape, len(np.atleast_1d(scope.prototypes))
        counts = self.likeness.counts
        shapes = {
            "head.centre": (features,), "head.weights": (axes, len(self.labels)),
            "scope.prototypes": (max(1, clusters), features // _LAYERS), "scope.directions": (axes, len(self.labels)),
            "scope.usual": (2, 3), "scope.scale": (2,), "scope.refusal": (axes + 1,) if scope.refusal.size else (0,),
            "likeness.counts": (len(self.labels),), "likeness.weight": (1,),
        }  # fmt: skip
        for name, tensor in self.to_tensors().items():
            if tensor.shape != (expected := shapes.get(name, tensor.shape)):
                raise ValueError(f"{name} has shape {tensor.shape}, it must be {expected}")
            if not np.isfinite(tensor).all():
                raise ValueError(f"{name} holds NaN or infinity")
        if (scope.usual[1] <= 0).any() or scope.scale[1] <= 0:
            raise ValueError("scope.usual and scope.scale: a standard deviation must be positive")
        if counts.dtype != np.int64 or (counts < 0).any() or (counts.any() and counts.sum() != clusters):
            raise ValueError(f"likeness.counts must add up to the {clusters} of scope.prototypes")

    def terms(self, encoded: Encoded) -> tuple[Floats, Floats, Floats]:
        """Compute what `blend` makes logits and measures of: the head's logits, likeness and `Scope.measures`."""
        whitened = self.head.whiten(encoded)
        centred = encoded.vectors - self.head.centre[: encoded.vectors.shape[1]]
        cosines = _unit(centred) @ self.scope.prototypes.T
        return self.head.logits(whitened), self.likeness.of(cosines), self.scope.measures(cosines, whitened)

    def measure(self, encoded: Encoded) -> tuple[Floats, Floats]:
        """Compute uncalibrated logits, shape (n, labels), and energy and scope measures, shape (n, 4)."""
        return blend(*self.terms(encoded), self.likeness.weight)

    def score(self, encoded: Encoded) -> Scores:
        """Compute calibrated probabilities and out-of-distribution scores of n encoded messages."""
        logits, measures = self.measure(encoded)
        return Scores(softmax(logits / np.float32(self.temperature)), self.scope.score(measures))


_LAYERS = 3
_PARTS: tuple[tuple[str, type], ...] = (("head", Head), ("scope", Scope), ("likeness", Likeness))


def blend(logits: Floats, alike: Floats, measures: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Add the weighted likeness to the head's logits; return them, and the measures with their energy first."""
    raised = logits + weight * alike
    return raised, np.column_stack([energy(raised), measures])


def join(*scores: Scores) -> Scores:
    """Return the scores of several sets of messages, one after the other."""
    return Scores(
        np.concatenate([one.probabilities for one in scores]), np.concatenate([one.scope for one in scores])
    )


def views(encoded: Encoded) -> Floats:
    """Concatenate the three layers, shape (n, 3 * dim)."""
    return np.hstack([encoded.vectors, encoded.middle, encoded.bottom])


def softmax(logits: Floats) -> Floats:
    """Compute the softmax of each row."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def energy(logits: NDArray[Any]) -> NDArray[Any]:
    """Compute the logsumexp of each row: high if some intent fits, low if none does."""
    top = logits.max(axis=1)
    return np.asarray(top + np.log(np.exp(logits - top[:, None]).sum(axis=1)))


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = vectors / np.maximum(length, np.float32(1e-9))
    return scaled
