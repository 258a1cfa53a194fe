"""Cache the model's predictions of exact repeats: bounded, in memory only, for the one bundle that a process serves.

An entry is the model's prediction of a text, and whether a message with this text is plain (no rule matches it, and it
contains no personal data), so that neither is searched for again. Every message still passes rate limits, and gets a
routing decision, a record and its own id. The key is the text that the model sees: cleaned, and without personal
data.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from chatbot.dialog.router import Prediction

MAX_CHARS = 200
"""Longer texts hardly repeat, and are not kept: the cache takes at most some kilobytes an entry."""


class PredictionCache:
    """Least-recently-used cache of predictions by text. For one event loop; not thread-safe."""

    def __init__(self, entries: int, on_lookup: Callable[[str], None]) -> None:
        """Configure the cache.

        Args:
            entries: maximum number of predictions; 0: nothing is cached.
            on_lookup: called with `hit` or `miss` for each lookup, unless nothing is cached.
        """
        self._entries = entries
        self._on_lookup = on_lookup
        self._predictions: OrderedDict[str, tuple[Prediction, bool]] = OrderedDict()

    def get(self, text: str) -> Prediction | None:
        """Return the prediction of this text; None: it is not cached."""
        if not self._entries:
            return None
        cached = self._predictions.get(text)
        if cached is None:
            self._on_lookup("miss")
            return None
        self._predictions.move_to_end(text)
        self._on_lookup("hit")
        return cached[0]

    def is_plain(self, message: str) -> bool:
        """Return whether a message is cached, and known to match no rule and to hold no personal data."""
        return message in self._predictions and self._predictions[message][1]

    def put(self, text: str, prediction: Prediction, *, is_plain: bool = False) -> None:
        """Cache the prediction of a text; evicts the least recently used one if the cache is full."""
        if not self._entries or len(text) > MAX_CHARS:
            return
        self._predictions[text] = (prediction, is_plain)
        self._predictions.move_to_end(text)
        if len(self._predictions) > self._entries:
            self._predictions.popitem(last=False)

    def __len__(self) -> int:
        return len(self._predictions)
