"""Corpora for tests of the classifier: Gaussian blobs in place of encoded messages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chatbot.model.encoder import Encoded

DIM = 32


def encode(points: NDArray[np.floating]) -> Encoded:
    """Points as if an encoder had made them of messages."""
    unit = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    return Encoded(unit, unit[:, ::-1].copy(), np.abs(unit), [np.arange(3, dtype=np.int32)] * len(unit))


class Blobs:
    """Intents as blobs around random directions; what is foreign lies around directions of its own."""

    def __init__(self, intents: int, spread: float, seed: int = 0) -> None:
        self._draw = np.random.default_rng(seed)
        self._spread = spread
        self._centres = self._draw.normal(size=(intents, DIM))
        self._foreign = self._draw.normal(size=(20, DIM))

    def messages(self, counts: list[int]) -> tuple[Encoded, list[str]]:
        """So many messages of each intent."""
        columns = np.repeat(np.arange(len(counts)), counts)
        return encode(self._around(self._centres[columns])), [f"intent_{column:02}" for column in columns]

    def foreign(self, count: int) -> Encoded:
        """Messages of no intent."""
        return encode(self._around(self._foreign[self._draw.integers(20, size=count)]))

    def _around(self, centres: NDArray[np.floating]) -> NDArray[np.floating]:
        return centres + self._spread * self._draw.normal(size=centres.shape)


def apart(count: int) -> list[str]:
    """Every message a group of its own."""
    return [str(row) for row in range(count)]
