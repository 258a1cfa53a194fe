"""Load the messages of the drift benchmark: published corpora, out-of-scope chatter, and changed versions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatbot.dialog.message import clean
from chatbot.model.encoder import Encoded
from data.similarity import groups
from tools.bench.quality.corpora import (
    bitext,
    cleaned,
    in_scope,
    intents_of,
    out_of_scope,
    whole_banking77,
    whole_clinc150,
)
from tools.bench.quality.vectors import Vectors

CORPORA = {"bitext": bitext, "banking77": whole_banking77, "clinc150": whole_clinc150}
FOREIGN = Path(__file__).with_name("foreign_messages.txt")
TYPO_ROWS = 5_000
_KEYS = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuiopqsdfghjklaxcvbnmz", strict=True))


@dataclass(frozen=True, slots=True)
class EncodedCorpus:
    """n messages with their precomputed features.

    Attributes:
        intents: shape (n,).
        groups: shape (n,); near-duplicates have the same number.
    """

    name: str
    messages: list[str]
    intents: NDArray[np.str_]
    groups: NDArray[np.int64]
    encoded: Encoded


@dataclass(frozen=True, slots=True)
class Typos:
    """Messages of a corpus with typos in half of their words; `rows` are their indices in the corpus."""

    rows: NDArray[np.int64]
    messages: list[str]
    encoded: Encoded


def load(name: str, vectors: Vectors) -> EncodedCorpus:
    """Load all published parts of a corpus; CLINC150 without its out-of-scope messages.

    Raises:
        MissingDataError: the corpus is not on this machine.
    """
    rows = CORPORA[name]()
    if name != "bitext":
        rows = in_scope(rows).drop_duplicates("message", ignore_index=True)
    return _encoded(name, rows, vectors)


def chatter(vectors: Vectors) -> EncodedCorpus:
    """Load CLINC150's 1,200 out-of-scope messages."""
    return _encoded("chatter", out_of_scope(whole_clinc150()), vectors)


def foreign(vectors: Vectors) -> EncodedCorpus:
    """Load about 300 support messages in German, Spanish and French."""
    lines = FOREIGN.read_text(encoding="utf-8").splitlines()
    messages = [clean(line) for line in lines if line and not line.startswith("#")]
    names = np.full(len(messages), "another language")
    return EncodedCorpus("foreign", messages, names, np.arange(len(messages)), vectors.encode(messages))


def with_typos(corpus: EncodedCorpus, vectors: Vectors) -> Typos:
    """Draw `TYPO_ROWS` random messages and put a typo in half of their words."""
    generator = np.random.default_rng(0)
    count = min(TYPO_ROWS, len(corpus.messages))
    rows = np.sort(generator.choice(len(corpus.messages), count, replace=False))
    messages = [misspelt(corpus.messages[row], generator) for row in rows]
    return Typos(rows, messages, vectors.encode(messages))


def misspelt(message: str, generator: np.random.Generator) -> str:
    """Put a typo in half of the words, rounded up: a letter swapped, omitted, doubled or replaced."""
    words = message.split()
    chosen = generator.choice(len(words), (len(words) + 1) // 2, replace=False)
    for place in chosen:
        words[place] = _typo(words[place], generator)
    return " ".join(words)


def _typo(word: str, generator: np.random.Generator) -> str:
    place = int(generator.integers(len(word)))
    before, letter, after = word[:place], word[place], word[place + 1 :]
    kinds = [before + letter + letter + after, before + _KEYS.get(letter.lower(), "e") + after]
    if after:
        kinds += [before + after[0] + letter + after[1:], before + after]
    return kinds[int(generator.integers(len(kinds)))]


def _encoded(name: str, rows: pd.DataFrame, vectors: Vectors) -> EncodedCorpus:
    messages, intents = cleaned(rows), intents_of(rows)
    return EncodedCorpus(
        name, messages, intents, groups(messages, intents.tolist()), vectors.encode(messages)
    )
