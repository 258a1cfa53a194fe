"""Keep a bundle's out-of-fold predictions of its own corpus: by models that had not learned from the rows.

The gate compares versions on them: no version has to leave rows out of its training for that. They are tensors of
head.safetensors, keyed by row hash, and hold no text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from chatbot.dialog.router import MAX_CHOICES, Alternative, Prediction
from chatbot.errors import BundleError
from chatbot.model.bundle import HEAD, read_manifest
from chatbot.model.classifier import Floats

_PREFIX = "held_out."


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Predictions of n rows, without the bundle's thresholds.

    Attributes:
        row_hash: shape (n, 16), bytes (`data.messages.row_hash`).
        choices: shape (n, k): label indices of the most likely intents; confidence: shape (n, k); scope: shape (n,).
    """

    row_hash: NDArray[np.uint8]
    choices: NDArray[np.int16]
    confidence: Floats
    scope: Floats

    @classmethod
    def of(cls, row_hashes: Sequence[str], probabilities: Floats, scope: Floats) -> HeldOut:
        """Keep the most likely intents of each row, and the first row of those that share a hash.

        Shapes: `probabilities` (n, labels), `scope` (n,).
        """
        _, first = np.unique(np.asarray(row_hashes), return_index=True)
        first.sort()
        choices, confidence = most_likely(probabilities[first])
        return cls(
            np.frombuffer(bytes.fromhex("".join(row_hashes[row] for row in first)), np.uint8).reshape(-1, 16),
            choices,
            confidence,
            scope[first].astype(np.float32),
        )

    def to_tensors(self) -> dict[str, NDArray[Any]]:
        """Return the tensors by name, for head.safetensors."""
        return {_PREFIX + field.name: getattr(self, field.name) for field in fields(self)}

    def predictions(self, labels: Sequence[str]) -> dict[str, Prediction]:
        """Return the prediction of each row by its row hash."""
        made = predictions_of(labels, self.choices, self.confidence, self.scope)
        return dict(zip((bytes(row).hex() for row in self.row_hash), made, strict=True))


def read_held_out(bundle: Path) -> dict[str, Prediction]:
    """Read a bundle's predictions by row hash; empty: it was made before they were kept.

    Raises: BundleError: head.safetensors cannot be read.
    """
    labels = read_manifest(bundle).labels
    names = [field.name for field in fields(HeldOut)]
    try:
        with safe_open(bundle / HEAD, framework="numpy") as tensors:
            if any(_PREFIX + name not in tensors.keys() for name in names):  # noqa: SIM118  (no mapping)
                return {}
            return HeldOut(*(tensors.get_tensor(_PREFIX + name) for name in names)).predictions(labels)
    except (OSError, SafetensorError, ValueError, IndexError) as error:
        raise BundleError(f"{bundle / HEAD} has no readable out-of-fold predictions: {error}") from error


def most_likely(probabilities: Floats) -> tuple[NDArray[np.int16], Floats]:
    """Return label indices and confidences of the most likely intents of each row, shape (n, MAX_CHOICES) or fewer."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :MAX_CHOICES]
    return order.astype(np.int16), np.take_along_axis(probabilities, order, axis=1).astype(np.float32)


def predictions_of(
    labels: Sequence[str],
    choices: NDArray[np.integer],
    confidence: NDArray[np.floating],
    scope: NDArray[np.floating],
) -> list[Prediction]:
    """Return predictions from the most likely intents of each row; see `HeldOut` for the shapes."""
    return [
        Prediction([Alternative(labels[c], p) for c, p in zip(row, sure, strict=True)], one)
        for row, sure, one in zip(choices.tolist(), confidence.tolist(), scope.tolist(), strict=True)
    ]
