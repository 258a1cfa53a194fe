"""Cache the model's predictions of exact repeats: bounded, in memory only, for the one bundle that a process serves.

An entry is the model's prediction of a text. The key is the text that the model sees: cleaned, and without personal
data. Where a message with this text is plain (no rule matches it, and it contains no personal data), an entry also has
its reply and its record, so that nothing is decided again. Every message still passes rate limits, and gets a record
and an id of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from chatbot.dialog.router import Prediction, Reply
from chatbot.records.schema import Record

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
        self._predictions: OrderedDict[str, tuple[Prediction, tuple[Reply, Record] | None]] = OrderedDict()

    def get(self, text: str) -> Prediction | None:
        """Return the prediction of this text; None: it is not cached."""
        if not self._entries:
            return None
        if text not in self._predictions:
            self._on_lookup("miss")
            return None
        return self._hit(text)[0]

    def answered(self, message: str) -> tuple[Reply, Record] | None:
        """Return reply and record of an earlier plain message with this text; None: none is cached."""
        return self._hit(message)[1] if self._predictions.get(message, (None, None))[1] else None

    def put(self, text: str, prediction: Prediction, answered: tuple[Reply, Record] | None = None) -> None:
        """Cache the prediction of a text; evicts the least recently used one if the cache is full.

        Args:
            answered: reply and record of the message, if it is plain; None: those that are cached stay.
        """
        if not self._entries or len(text) > MAX_CHARS or (answered is None and text in self._predictions):
            return
        self._predictions[text] = (prediction, answered)
        self._predictions.move_to_end(text)
        if len(self._predictions) > self._entries:
            self._predictions.popitem(last=False)

    def _hit(self, text: str) -> tuple[Prediction, tuple[Reply, Record] | None]:
        self._predictions.move_to_end(text)
        self._on_lookup("hit")
        return self._predictions[text]

    def __len__(self) -> int:
        return len(self._predictions)
