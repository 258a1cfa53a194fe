"""Encode messages once: cached under `.cache/bench` by the digest of messages and encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chatbot.model.encoder import MODEL_FILE, TOKENIZER_FILE, Encoded, Encoder
from tools.bench.figures import CACHE, digest
from training.model.encoder.batch import encode


@dataclass(frozen=True, slots=True)
class Vectors:
    """An encoder with a cache."""

    encoder: Encoder
    digest: str

    @classmethod
    def of(cls, folder: Path) -> Vectors:
        """Load the encoder of a bundle or of a cached export.

        Raises:
            BundleError: there is no encoder.
        """
        files = digest([folder / MODEL_FILE, folder / TOKENIZER_FILE])
        return cls(Encoder.load(folder), files)

    def encode(self, messages: Sequence[str]) -> Encoded:
        """Return the messages' embeddings, in the order given, from the cache if present."""
        key = hashlib.sha256("\n".join([self.digest, *messages]).encode()).hexdigest()
        file = CACHE / f"vectors-{key[:24]}.npz"
        if file.is_file():
            return _load(file)
        encoded = encode(self.encoder, messages)
        CACHE.mkdir(parents=True, exist_ok=True)
        _save(file, encoded)
        return encoded


def _save(file: Path, encoded: Encoded) -> None:
    sizes = np.asarray([row.size for row in encoded.tokens], dtype=np.int64)
    tokens = np.concatenate(encoded.tokens) if encoded.tokens else np.empty(0, dtype=np.int32)
    unfinished = file.with_suffix(".part.npz")
    np.savez(
        unfinished,
        tokens=tokens,
        sizes=sizes,
        vectors=encoded.vectors,
        middle=encoded.middle,
        bottom=encoded.bottom,
    )
    unfinished.rename(file)


def _load(file: Path) -> Encoded:
    with np.load(file) as kept:
        ends = np.cumsum(kept["sizes"])[:-1]
        return Encoded(kept["vectors"], kept["middle"], kept["bottom"], np.split(kept["tokens"], ends))
