"""Cache predictions and replies of exact repeats: bounded, in memory only, for the one bundle that a process serves.

Predictions are kept by the text that the model sees: cleaned, and without personal data. Reply and record of a message
are kept by a keyed hash of its text, which may hold personal data, so that nothing is decided again. Every message
still passes rate limits, and gets a record and an id of its own.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

from chatbot.dialog.router import Prediction, Reply
from chatbot.records.schema import Record

MAX_CHARS = 200
"""Longer texts hardly repeat, and are not kept: the cache takes at most some kilobytes an entry."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class PredictionCache:
    """Least-recently-used cache of predictions and replies by text. For one event loop; not thread-safe."""

    def __init__(self, entries: int, on_lookup: Callable[[str], None]) -> None:
        """Configure the cache.

        Args:
            entries: maximum number of predictions, and of replies; 0: nothing is cached.
            on_lookup: called with `hit` or `miss` for each message that no rule decides, unless nothing is cached.
        """
        self._entries = entries
        self._on_lookup = on_lookup
        self._predictions: OrderedDict[str, Prediction] = OrderedDict()
        self._answers: OrderedDict[bytes, tuple[Reply, Record]] = OrderedDict()
        self._key = secrets.token_bytes(16)

    def get(self, text: str) -> Prediction | None:
        """Return the prediction of the text that the model sees; None: it is not cached."""
        if not self._entries:
            return None
        prediction = _find(self._predictions, text)
        self._on_lookup("miss" if prediction is None else "hit")
        return prediction

    def put(self, text: str, prediction: Prediction) -> None:
        """Cache the prediction of a text; evicts the least recently used one if the cache is full."""
        if len(text) <= MAX_CHARS:
            self._keep(self._predictions, text, prediction)

    def answer_to(self, message: str) -> tuple[Reply, Record] | None:
        """Return reply and record of an earlier message with this text; None: none is cached."""
        if not self._entries or len(message) > MAX_CHARS:
            return None
        answer = _find(self._answers, self._digest(message))
        if answer is not None and answer[0].prediction is not None:
            self._on_lookup("hit")
        return answer

    def put_answer(self, message: str, reply: Reply, record: Record) -> None:
        """Cache reply and record of a message; evicts the least recently used ones if the cache is full."""
        if self._entries and len(message) <= MAX_CHARS:
            self._keep(self._answers, self._digest(message), (reply, record))

    def __len__(self) -> int:
        return len(self._predictions)

    def _digest(self, message: str) -> bytes:
        return hashlib.blake2b(message.encode(), key=self._key, digest_size=16).digest()

    def _keep(self, known: OrderedDict[Key, Value], key: Key, value: Value) -> None:
        known[key] = value
        known.move_to_end(key)
        if len(known) > self._entries:
            known.popitem(last=False)


def _find(known: OrderedDict[Key, Value], key: Key) -> Value | None:
    found = known.get(key)
    if found is not None:
        known.move_to_end(key)
    return found
