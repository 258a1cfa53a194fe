"""Keep a bundle's out-of-fold predictions of its own corpus: by models that had not learned from the rows.

The gate compares versions on them: no version has to leave rows out of its training for that. They are tensors of
head.safetensors, keyed by row hash, and hold no text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from chatbot.dialog.router import MAX_CHOICES, Alternative, Prediction
from chatbot.errors import BundleError
from chatbot.model.bundle import HEAD, read_manifest
from chatbot.model.classifier import Floats

_TENSORS = ("held_out.row_hash", "held_out.choices", "held_out.confidence", "held_out.scope")


def to_tensors(row_hashes: Sequence[str], probabilities: Floats, scope: Floats) -> dict[str, NDArray[Any]]:
    """Return predictions as tensors for head.safetensors: of rows that share a hash, the first one's.

    Args: row_hashes: of n rows (`data.messages.row_hash`). probabilities: shape (n, labels). scope: shape (n,).

    Returns: bytes of the row hashes, shape (m, 16); what `predictions_of` takes, for the most likely intents.
    """
    _, first = np.unique(np.asarray(row_hashes), return_index=True)
    first.sort()
    hashes = np.frombuffer(bytes.fromhex("".join(row_hashes[row] for row in first)), np.uint8)
    values = (hashes.reshape(-1, 16), *most_likely(probabilities[first]), scope[first].astype(np.float32))
    return dict(zip(_TENSORS, values, strict=True))


def from_tensors(tensors: Mapping[str, NDArray[Any]], labels: Sequence[str]) -> dict[str, Prediction]:
    """Return the predictions in tensors by row hash."""
    hashes, *values = (tensors[name] for name in _TENSORS)
    return dict(zip((bytes(row).hex() for row in hashes), predictions_of(labels, *values), strict=True))


def read_held_out(bundle: Path) -> dict[str, Prediction]:
    """Read a bundle's predictions by row hash; empty: it was made before they were kept.

    Raises: BundleError: head.safetensors cannot be read.
    """
    labels = read_manifest(bundle).labels
    try:
        with safe_open(bundle / HEAD, framework="numpy") as tensors:
            if not {*_TENSORS} <= {*tensors.keys()}:
                return {}
            return from_tensors({name: tensors.get_tensor(name) for name in _TENSORS}, labels)
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
    """Return predictions from label indices and confidences of the likeliest intents, (n, k), and scope, (n,)."""
    return [
        Prediction([Alternative(labels[c], p) for c, p in zip(row, sure, strict=True)], one)
        for row, sure, one in zip(choices.tolist(), confidence.tolist(), scope.tolist(), strict=True)
    ]
