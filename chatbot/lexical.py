"""Wordpiece n-grams as TF-IDF: the encoder's own tokens, counted once more, in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A message's begin and end are wordpieces too: "cancel" alone is not "cancel" within a sentence.
BEGIN, END = 0, 1
_SHIFT = 2
_BITS = 32


@dataclass(frozen=True, slots=True)
class Counts:
    """n messages as sparse rows (CSR): entry k says that a row holds n-gram `columns[k]` with weight `values[k]`.

    Attributes:
        starts: shape (n + 1,), int64: row i has the entries from starts[i] to starts[i + 1].
        columns: int64, places in the vocabulary.
        values: float32; each row has length one, or none where nothing in it is known.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float32]

    def times(self, table: NDArray[np.floating]) -> NDArray[np.float32]:
        """The product with a dense table, shape (vocabulary, k) -> (n, k)."""
        product = np.zeros((len(self.starts) - 1, table.shape[1]), dtype=np.float32)
        for row, (start, end) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            if end > start:
                product[row] = self.values[start:end] @ table[self.columns[start:end]].astype(np.float32)
        return product


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The wordpiece unigrams and bigrams of a corpus, each with its inverse document frequency.

    Attributes:
        keys: shape (v,), int64, ascending: a bigram's two wordpieces, or one and nothing.
        idf: shape (v,), float32: ln((1 + n) / (1 + df)) + 1, as scikit-learn smooths it.
    """

    keys: NDArray[np.int64]
    idf: NDArray[np.float32]

    @classmethod
    def learn(cls, tokens: Sequence[NDArray[np.int32]], least: int = 1) -> Vocabulary:
        """Take every n-gram that stands in `least` messages or more."""
        distinct = [np.unique(ngrams(row)) for row in tokens]
        keys, frequency = np.unique(np.concatenate(distinct), return_counts=True)
        kept = frequency >= least
        idf = np.log((1 + len(tokens)) / (1 + frequency[kept])) + 1
        return cls(keys[kept], idf.astype(np.float32))

    def count(self, tokens: Sequence[NDArray[np.int32]]) -> Counts:
        """Messages as rows of (1 + ln count) * idf, scaled to length one; unknown n-grams are passed over."""
        found = [np.unique(ngrams(row), return_counts=True) for row in tokens]
        rows = np.repeat(np.arange(len(found)), [len(keys) for keys, _ in found])
        keys = np.concatenate([keys for keys, _ in found] or [np.empty(0, np.int64)])
        often = np.concatenate([counts for _, counts in found] or [np.empty(0, np.int64)])
        columns = np.searchsorted(self.keys, keys)
        columns[columns == len(self.keys)] = 0
        known = self.keys[columns] == keys if len(self.keys) else np.zeros(len(keys), dtype=bool)
        rows, columns = rows[known], columns[known]
        values = (1 + np.log(often[known])) * self.idf[columns]
        length = np.sqrt(np.bincount(rows, weights=values**2, minlength=len(found)))
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(found)))])
        return Counts(starts.astype(np.int64), columns, (values / length[rows]).astype(np.float32))


def ngrams(tokens: NDArray[np.int32]) -> NDArray[np.int64]:
    """The unigrams and bigrams of a message between its begin and end, as one number each."""
    padded = np.empty(len(tokens) + 2, dtype=np.int64)
    padded[0], padded[-1] = BEGIN, END
    padded[1:-1] = tokens
    padded[1:-1] += _SHIFT
    return np.concatenate([padded[1:-1], ((padded[:-1] + 1) << _BITS) | padded[1:]])
