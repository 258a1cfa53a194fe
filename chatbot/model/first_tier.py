"""Answer easy messages without the transformer encoder: the first tier of a cascade (Viola and Jones, 2001).

Two linear classifiers read a message. Both are additive over its words, so that a message costs a sum of cached rows:

- static: the mean of its wordpieces' vectors, made once by the bundle's encoder, weighted by smooth inverse
  frequency (SIF; Arora et al., 2017);
- lexical: words, pairs of words and character n-grams, hashed (Weinberger et al., 2009).

The tier answers where both agree, each by a margin, their joint confidence is high, the static vector resembles the
corpus and few words are unknown (`TierThresholds`). Everything else goes to the full model, and so does a sample of all
messages (`is_sampled`).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from chatbot.errors import BundleError
from chatbot.model.classifier import Floats, softmax

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE = "first_tier.safetensors"
BUCKETS = 1 << 18
"""Number of hash buckets of the lexical features."""

SAMPLE = 8
"""One message text in this many always goes to the full model."""

_NGRAMS = (2, 3, 4)
# Weights of a unit's features: a word's own, all its character n-grams together, and a pair of words.
_WORD, _CHARACTERS, _PAIR = 1.0, 1.0, 0.7
# Intents whose prototypes a message is compared with.
_LIKELY = 4
# Rows in each cache; a full cache is emptied.
_CACHED = 1 << 13
_WORDS = re.compile(r"\w+(?:'\w+)?|[^\w\s]")
_DIGIT = re.compile(r"\d")
_TINY = np.float32(1e-9)


def words_of(message: str) -> list[str]:
    """Split a cleaned message into lower-case words and marks; a word with a digit becomes `#`."""
    words = _WORDS.findall(message.lower())
    return ["#" if _DIGIT.search(word) else word for word in words] if _DIGIT.search(message) else words


def word_features(word: str) -> tuple[list[int], list[float]]:
    """Return hash buckets and weights of a word: the word itself and its character n-grams."""
    marked = f"<{word}>"
    grams = [marked[at : at + size] for size in _NGRAMS for at in range(len(marked) - size + 1)]
    weight = _CHARACTERS / max(1, len(grams)) ** 0.5
    return [_bucket(f"w{word}"), *map(_bucket, grams)], [_WORD, *[weight] * len(grams)]


def pair_features(pair: tuple[str, str]) -> tuple[list[int], list[float]]:
    """Return hash bucket and weight of two successive words."""
    return [_bucket(f"p{pair[0]} {pair[1]}")], [_PAIR]


def is_sampled(message: str) -> bool:
    """Whether a message goes to the full model regardless of the first tier's result: one text in `SAMPLE`.

    The drift check compares scores and embeddings of these messages alone, so that it sees all kinds of messages, and
    the full model's figures of each. The text decides and not the prediction id, so that an answer computed offline
    is the one that is served; a text that many customers send is in the sample for all of them or for none.
    """
    return zlib.crc32(f"sample {message}".encode("utf-8", "surrogatepass")) % SAMPLE == 0


@dataclass(frozen=True, slots=True)
class TierThresholds:
    """Thresholds at which the tier answers.

    Attributes:
        confidence: least confidence. scope: least static scope score. unknown: largest share of unknown words.
        margin: least margin of the less sure classifier.
    """

    confidence: float
    scope: float
    unknown: float
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Static:
    """Static classifier and scope detector on k-dimensional message vectors.

    Attributes:
        tokens: shape (vocabulary, k), int8; scales: shape (vocabulary,): the vector of a wordpiece is its row times
            its scale, the SIF weight included.
        weights: shape (k, labels). bias: shape (labels,).
        centre: shape (k,): mean message vector. prototypes: shape (labels, m, k): unit vectors, m of each intent.
        scale: shape (2,): 5 % quantile and standard deviation of the nearness of messages of the corpus.
    """

    tokens: NDArray[np.int8]
    scales: Floats
    weights: Floats
    bias: Floats
    centre: Floats
    prototypes: Floats
    scale: Floats

    def nearness(self, vectors: Floats, logits: Floats) -> Floats:
        """Return the largest cosine to a prototype of the likeliest intents, shape (n,).

        Args:
            logits: of the static classifier, shape (n, labels): the prototypes of all intents would cost more than
                everything else here.
        """
        centred = unit(vectors - self.centre)
        likely = min(_LIKELY, logits.shape[1])
        chosen = np.argpartition(logits, -likely, axis=1)[:, -likely:]
        near = self.prototypes[chosen].reshape(len(vectors), -1, centred.shape[1])
        nearest: Floats = np.matmul(near, centred[:, :, None])[:, :, 0].max(axis=1)
        return nearest

    def scope(self, nearness: Floats) -> Floats:
        """Map nearness to a scope score in (0, 1), of the same meaning as `Scores.scope`."""
        away = (nearness - self.scale[0]) / self.scale[1]
        score: Floats = 1 / (1 + np.exp(-np.minimum(np.maximum(away, -30), 30)))
        return score


@dataclass(frozen=True, slots=True)
class Lexical:
    """Lexical classifier.

    Attributes:
        buckets: shape (m,), ascending: the hash buckets that the corpus fills. weights: shape (m, labels), float16.
        bias: shape (labels,).
        words: shape (w,), ascending: CRC-32 of the words that the corpus has; any other is unknown.
    """

    buckets: NDArray[np.int32]
    weights: NDArray[np.float16]
    bias: Floats
    words: NDArray[np.uint32]

    def unit_logits(self, features: tuple[list[int], list[float]]) -> tuple[Floats, float]:
        """Return logits of a word or a pair before the message's normalisation, and its squared length."""
        buckets, weights = (np.asarray(values) for values in features)
        place = np.minimum(np.searchsorted(self.buckets, buckets), len(self.buckets) - 1)
        found = self.buckets[place] == buckets
        logits = weights[found].astype(np.float32) @ self.weights[place[found]].astype(np.float32)
        return logits, float((weights**2).sum())


@dataclass(frozen=True, slots=True)
class TierScores:
    """Results of the first tier for n messages.

    Attributes:
        probabilities: shape (n, labels), calibrated. scope: shape (n,): static scope score.
        agree: shape (n,): both classifiers have the same first choice. unknown: shape (n,): share of unknown words.
        margin: shape (n,): first less second calibrated logit, of the classifier where that is smaller.
    """

    probabilities: Floats
    scope: Floats
    agree: NDArray[np.bool_]
    unknown: Floats
    margin: Floats

    def passing(self, thresholds: TierThresholds) -> NDArray[np.bool_]:
        """Return which messages the tier answers, shape (n,)."""
        passed: NDArray[np.bool_] = (
            self.agree
            & (self.probabilities.max(axis=1) >= thresholds.confidence)
            & (self.scope >= thresholds.scope)
            & (self.unknown <= thresholds.unknown)
            & (self.margin >= thresholds.margin)
        )
        return passed


@dataclass(frozen=True, slots=True)
class Tier:
    """The tier's parameters; `temperatures` divide the logits of the static and the lexical classifier, shape (2,)."""

    static: Static
    lexical: Lexical
    temperatures: Floats
    thresholds: TierThresholds

    def to_tensors(self) -> dict[str, NDArray[Any]]:
        """Return all tensors by name, for safetensors."""
        parts: dict[str, NDArray[Any]] = {
            f"{name}.{field.name}": getattr(part, field.name)
            for name, part in (("static", self.static), ("lexical", self.lexical))
            for field in fields(part)
        }
        thresholds = np.array(astuple(self.thresholds), dtype=np.float64)
        return parts | {"temperatures": self.temperatures, "thresholds": thresholds}

    @classmethod
    def from_tensors(cls, tensors: dict[str, NDArray[Any]]) -> Tier:
        """Build the tier from the result of `to_tensors`; raise KeyError if a tensor is missing."""

        def part(name: str, kind: type) -> dict[str, Any]:
            return {field.name: tensors[f"{name}.{field.name}"] for field in fields(kind)}

        static, lexical = Static(**part("static", Static)), Lexical(**part("lexical", Lexical))
        return cls(
            static, lexical, tensors["temperatures"], TierThresholds(*map(float, tensors["thresholds"]))
        )

    def join(self, static: Floats, lexical: Floats) -> Floats:
        """Return calibrated probabilities of the two classifiers' logits, shape (n, labels)."""
        return softmax(static / self.temperatures[0] + lexical / self.temperatures[1])

    def margin(self, static: Floats, lexical: Floats) -> Floats:
        """Return the margin of the less sure classifier, of the same logits, shape (n,)."""
        margins = [
            np.ptp(np.partition(logits, -2, axis=1)[:, -2:], axis=1) / temperature
            for logits, temperature in zip((static, lexical), self.temperatures, strict=True)
        ]
        least: Floats = np.minimum(*margins)
        return least


class FirstTier:
    """Scores messages with a `Tier`; one per process, not thread-safe (it caches the rows of words and pairs)."""

    def __init__(self, tier: Tier, tokenizer: Tokenizer) -> None:
        self.tier = tier
        self._tokenizer = tokenizer
        self._known = frozenset(tier.lexical.words.tolist())
        labels, self._dim = len(tier.static.bias), tier.static.tokens.shape[1]
        # A row: static vector, squared length, whether unknown, logits of the lexical classifier.
        self._words = _Cache(self._dim + 2 + labels, self._word)
        self._pairs = _Cache(1 + labels, self._pair)

    @classmethod
    def load(cls, folder: Path, labels: int, tokenizer_file: str) -> FirstTier | None:
        """Load the tier of a verified bundle; None: the bundle has none.

        Raises:
            BundleError: the file does not fit the bundle.
        """
        file = folder / FILE
        if not file.is_file():
            return None
        # Only a bundle with a first tier needs it outside the runner.
        from tokenizers import Tokenizer

        try:
            tier = Tier.from_tensors(load_file(str(file)))
            tokenizer = Tokenizer.from_file(str(folder / tokenizer_file))
        except (SafetensorError, KeyError, ValueError, TypeError) as error:
            raise BundleError(f"{file} is not the first tier of a bundle: {error}") from error
        except Exception as error:  # tokenizers raises plain Exception
            raise BundleError(f"{folder / tokenizer_file} is not a tokenizer: {error}") from error
        shapes = {tier.static.bias.shape, tier.lexical.bias.shape, (tier.static.weights.shape[1],)}
        if shapes != {(labels,)} or len(tier.static.tokens) != tokenizer.get_vocab_size():
            raise BundleError(f"{file} does not fit the manifest's {labels} labels or the tokenizer")
        return cls(tier, tokenizer)

    def sums(self, messages: Sequence[str]) -> tuple[Floats, Floats, Floats]:
        """Return static vectors, shape (n, k), lexical logits, shape (n, labels), and shares of unknown words."""
        dim = self._dim
        words = [words_of(message) for message in messages]
        totals = self._words.sums(words)
        pairs = self._pairs.sums([list(pairwise(found)) for found in words])
        length = np.sqrt(np.maximum(totals[:, dim] + pairs[:, 0], _TINY))
        counts = np.array([len(found) or 1 for found in words], dtype=np.float32)
        logits = (totals[:, dim + 2 :] + pairs[:, 1:]) / length[:, None] + self.tier.lexical.bias
        return unit(totals[:, :dim]), logits, totals[:, dim + 1] / counts

    def score(self, messages: Sequence[str], thresholds: TierThresholds | None = None) -> TierScores:
        """Score cleaned messages without personal data.

        Args:
            thresholds: leave the scope score 0 where a message fails the other thresholds; None: compute it always.
        """
        static = self.tier.static
        vectors, lexical, unknown = self.sums(messages)
        logits = vectors @ static.weights + static.bias
        agree = logits.argmax(axis=1) == lexical.argmax(axis=1)
        scope = np.zeros(len(messages), dtype=np.float32)
        margin = self.tier.margin(logits, lexical)
        scores = TierScores(self.tier.join(logits, lexical), scope, agree, unknown, margin)
        if thresholds is None:
            rows = np.arange(len(messages))
        else:
            rows = scores.passing(replace(thresholds, scope=0.0)).nonzero()[0]
        if len(rows):
            scope[rows] = static.scope(static.nearness(vectors[rows], logits[rows]))
        return scores

    def _word(self, word: str) -> Floats:
        static = self.tier.static
        ids = self._tokenizer.encode(word, add_special_tokens=False).ids
        vector = static.scales[ids] @ static.tokens[ids].astype(np.float32)
        logits, square = self.tier.lexical.unit_logits(word_features(word))
        unknown = word.isalnum() and crc(word) not in self._known
        return np.concatenate([vector, [square, unknown], logits]).astype(np.float32)

    def _pair(self, pair: tuple[str, str]) -> Floats:
        logits, square = self.tier.lexical.unit_logits(pair_features(pair))
        return np.concatenate([[square], logits]).astype(np.float32)


class _Cache:
    """Rows by key, in one array, so that the rows of a batch are summed in one call."""

    def __init__(self, width: int, make: Callable[[Any], Floats]) -> None:
        self._make = make
        # Row 0 is zero: the sum of no keys.
        self._rows = np.zeros((_CACHED, width), dtype=np.float32)
        self._place: dict[Any, int] = {}

    def sums(self, batch: Sequence[Sequence[Any]]) -> Floats:
        """Return the sum of each message's rows, shape (n, width)."""
        get = self._place.get
        places: list[Any] = []
        starts = []
        for keys in batch:
            starts.append(len(places))
            places += [get(key) for key in keys] or (0,)
        if None in places:
            return self._sums_with_new(batch)
        rows = self._rows.take(places, axis=0)
        totals: Floats = np.add.reduceat(rows, starts, axis=0) if len(batch) > 1 else rows.sum(0)[None]
        return totals

    def _sums_with_new(self, batch: Sequence[Sequence[Any]]) -> Floats:
        totals = np.zeros((len(batch), self._rows.shape[1]), dtype=np.float32)
        for total, keys in zip(totals, batch, strict=True):
            for key in keys:
                if (place := self._place.get(key)) is None:
                    if len(self._place) + 1 >= _CACHED:
                        self._place.clear()
                    place = self._place[key] = len(self._place) + 1
                    self._rows[place] = self._make(key)
                total += self._rows[place]
        return totals


def unit(vectors: Floats) -> Floats:
    """Scale each row to unit length."""
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    scaled: Floats = vectors / np.maximum(length, _TINY)[:, None]
    return scaled


def crc(text: str) -> int:
    """Return the CRC-32 of a text."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _bucket(feature: str) -> int:
    return crc(feature) % BUCKETS
