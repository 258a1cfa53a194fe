"""Cache predictions and replies of exact repeats: bounded, in memory only, for the one bundle that a process serves.

An entry is the model's prediction of a text, if no rule decides. The key is the text that the model sees: cleaned, and
without personal data. Where a message with this text contained no personal data, an entry also has its reply and its
record, so that nothing is decided again. Every message still passes rate limits, and gets a record and an id of its
own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from chatbot.dialog.router import Prediction, Reply
from chatbot.records.schema import Record

MAX_CHARS = 200
"""Longer texts hardly repeat, and are not kept: the cache takes at most some kilobytes an entry."""

_NOTHING = (None, None)


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
        self._known: OrderedDict[str, tuple[Prediction | None, tuple[Reply, Record] | None]] = OrderedDict()

    def get(self, text: str) -> Prediction | None:
        """Return the prediction of this text; None: it is not cached."""
        if not self._entries:
            return None
        prediction, _ = self._find(text)
        if prediction is None:
            self._on_lookup("miss")
        return prediction

    def answered(self, message: str) -> tuple[Reply, Record] | None:
        """Return reply and record of an earlier message with this text and no personal data; None: none is cached."""
        return self._find(message)[1] if self._known.get(message, _NOTHING)[1] else None

    def put(
        self, text: str, prediction: Prediction | None, answered: tuple[Reply, Record] | None = None
    ) -> None:
        """Cache the prediction of a text; evicts the least recently used one if the cache is full.

        Args:
            prediction: None: a rule decides.
            answered: reply and record of the message, if it contains no personal data; None: what is cached stays.
        """
        if not self._entries or len(text) > MAX_CHARS or (answered is None and text in self._known):
            return
        self._known[text] = (prediction, answered)
        self._known.move_to_end(text)
        if len(self._known) > self._entries:
            self._known.popitem(last=False)

    def _find(self, text: str) -> tuple[Prediction | None, tuple[Reply, Record] | None]:
        if (found := self._known.get(text)) is None:
            return _NOTHING
        self._known.move_to_end(text)
        if found[0] is not None:
            self._on_lookup("hit")
        return found

    def __len__(self) -> int:
        return len(self._known)
