"""Turn the names of intents into training text: where an intent has few messages, its name says most about it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from data.labels import words_of

_WORD = re.compile(r"[^\W\d_]{3}")
_SEPARATORS = re.compile(r"[\W_]+")


def titles_of(labels: Iterable[str]) -> dict[str, str]:
    """Return the name as text of each intent whose name has a word: `cancel_order` is "cancel order"."""
    return {
        label: " ".join(_SEPARATORS.sub(" ", words_of(label)).split())
        for label in sorted(set(labels))
        if _WORD.search(label)
    }
