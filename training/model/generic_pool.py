"""Load the shipped pool of generic out-of-scope messages, for corpora that contain too few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatbot.dialog.message import clean

FOLDER = Path(__file__).resolve().parents[2] / "data" / "out_of_scope"
POOL_LANGUAGE = "en"
# A generic message this similar to a message of the corpus may belong to one of its intents, and is left out.
MAX_COSINE = 0.6


def load_pool() -> list[str]:
    """Return the messages of `data/out_of_scope/*.txt`, one a line, in the order of the file names."""
    lines = [line for file in sorted(FOLDER.glob("*.txt")) for line in file.read_text("utf-8").splitlines()]
    return [message for message in map(clean, lines) if message]


def uncovered(pool: NDArray[np.floating], corpus: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the indices of the pool's messages that the corpus's intents do not cover.

    Args: pool: shape (k, dim), corpus: shape (n, dim): sentence embeddings of unit length.
    """
    nearest = [(block @ corpus.T).max(axis=1) for block in np.array_split(pool, max(1, len(pool) // 256))]
    return np.flatnonzero(np.concatenate(nearest) < MAX_COSINE)
