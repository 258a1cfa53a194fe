"""A whole corpus through the encoder: every core at work, a bar that moves, the same result each time."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from chatbot.encoder import Encoded, Encoder

# Enough to sort by length and pad little, few enough that the bar moves and the cores share evenly.
CHUNK = 512

Advance = Callable[[int], None]
"""Told how many messages are done since it was told last."""


def no_progress(_count: int) -> None:
    """An `Advance` that shows nothing."""


def cores() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0))


def encode(encoder: Encoder, messages: Sequence[str], advance: Advance = no_progress) -> Encoded:
    """Encode many messages, in the order given.

    ONNX Runtime lets go of the interpreter while it computes, so one session serves a thread a core. The
    chunks are the same whatever the number of cores: int8 rounds by what a batch holds, and the same corpus
    has to give the same vectors bit for bit.

    Args:
        advance: told how many messages were encoded, as they are.
    """
    chunks = [messages[start : start + CHUNK] for start in range(0, len(messages), CHUNK)]
    parts: list[Encoded] = []
    with ThreadPoolExecutor(cores()) as pool:
        for part in pool.map(encoder.encode, chunks):
            advance(len(part))
            parts.append(part)
    if not parts:
        return encoder.encode([])
    return Encoded(
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.middle for part in parts]),
        np.concatenate([part.bottom for part in parts]),
        [tokens for part in parts for tokens in part.tokens],
    )
