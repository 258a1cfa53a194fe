"""Cache the model's predictions of exact repeats: bounded, in memory only, for the one bundle that a process serves.

Only what the model says of a text is kept. Every message still passes rate limits and rules, and gets a routing
decision, a record and an id of its own. The key is the text that the model sees: cleaned, and without personal data.
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
        self._predictions: OrderedDict[str, Prediction] = OrderedDict()

    def get(self, text: str) -> Prediction | None:
        """Return the prediction of this text; None: it is not cached."""
        if not self._entries:
            return None
        prediction = self._predictions.get(text)
        if prediction is not None:
            self._predictions.move_to_end(text)
        self._on_lookup("miss" if prediction is None else "hit")
        return prediction

    def put(self, text: str, prediction: Prediction) -> None:
        """Cache the prediction of a text; the least recently used one makes room."""
        if not self._entries or len(text) > MAX_CHARS:
            return
        self._predictions[text] = prediction
        self._predictions.move_to_end(text)
        if len(self._predictions) > self._entries:
            self._predictions.popitem(last=False)

    def __len__(self) -> int:
        return len(self._predictions)
