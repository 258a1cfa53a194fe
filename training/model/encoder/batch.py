"""Encode a whole corpus: on all cores, with progress, deterministic."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from chatbot.model.encoder import Encoded, Encoder
from training.progress import Advance, no_progress

# Large enough for sorting by length to reduce padding, small enough for even progress and load.
CHUNK = 512


def cores() -> int:
    """Return the number of processors this process may use."""
    return len(os.sched_getaffinity(0))


def encode(encoder: Encoder, messages: Sequence[str], advance: Advance = no_progress) -> Encoded:
    """Encode many messages in the given order; `advance` gets the number of messages encoded since its previous call.

    ONNX Runtime releases the GIL while it computes, so one session serves one thread per core. The chunks do
    not depend on the number of cores: int8 rounding depends on the batch, and the same corpus must give the
    same vectors bit for bit.
    """
    chunks = [messages[start : start + CHUNK] for start in range(0, len(messages), CHUNK)]
    parts: list[Encoded] = []
    with ThreadPoolExecutor(cores()) as pool:
        for part in pool.map(encoder.encode, chunks):
            advance(len(part))
            parts.append(part)
    return concatenate(parts) if parts else encoder.encode([])


def concatenate(parts: Sequence[Encoded]) -> Encoded:
    """Return several sets of encoded messages as one."""
    return Encoded(
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.middle for part in parts]),
        np.concatenate([part.bottom for part in parts]),
        [tokens for part in parts for tokens in part.tokens],
    )
