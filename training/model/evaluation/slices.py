"""Select slices that may score below the whole corpus: short, long, misspelt messages, each category."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from chatbot.dialog.language import foreign_language, spoken_languages

SHORT_WORDS = 3
LONG_WORDS = 15
# Nearly every string of fewer than four letters is one edit from a word.
MIN_TYPO_LETTERS = 4

_WORD = re.compile(r"[a-z]+")


def slices_of(
    messages: Sequence[str], categories: Sequence[str], vocabulary: Collection[str]
) -> dict[str, NDArray[np.bool_]]:
    """Return a mask of shape (n,) for each non-empty slice of n messages: `typos`, `short`, `long`, `category:X`.

    Args:
        categories: the category of each; empty: none.
        vocabulary: correctly spelt lower-case words, for example the encoder's whole wordpieces.
    """
    words = np.array([len(message.split()) for message in messages])
    known = frozenset(vocabulary)
    judged: dict[str, bool] = {}
    typos = []
    spoken = spoken_languages(messages)
    is_english = (
        not spoken or "en" in spoken
    )  # every word of another language may be one edit from an English one
    for message in messages:
        typos.append(False)
        if not is_english or foreign_language(message, ("en",)):
            continue
        for word in _WORD.findall(message.lower()):
            if word not in judged:
                judged[word] = is_typo(word, known)
            typos[-1] |= judged[word]
    masks = {"typos": np.array(typos, dtype=bool), "short": words <= SHORT_WORDS, "long": words >= LONG_WORDS}
    named = np.asarray(categories)
    masks |= {f"category:{name}": named == name for name in sorted(set(categories) - {""})}
    return {name: mask for name, mask in masks.items() if mask.any()}


def is_typo(word: str, vocabulary: frozenset[str]) -> bool:
    """Whether a lower-case word is unknown and one edit (Damerau, 1964) away from a known word."""
    if len(word) < MIN_TYPO_LETTERS or word in vocabulary:
        return False
    return any(candidate in vocabulary for candidate in _one_edit(word))


def _one_edit(word: str) -> set[str]:
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    deleted = {left + right[1:] for left, right in cuts if right}
    swapped = {left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1}
    replaced = {left + c + right[1:] for left, right in cuts if right for c in string.ascii_lowercase}
    inserted = {left + c + right for left, right in cuts for c in string.ascii_lowercase}
    return {edit for edit in deleted | swapped | replaced | inserted if len(edit) >= MIN_TYPO_LETTERS}


def whole_words(vocabulary: Collection[str]) -> frozenset[str]:
    """Return the entries of a WordPiece vocabulary that are whole lower-case words."""
    return frozenset(entry for entry in vocabulary if entry.isascii() and entry.isalpha() and entry.islower())
