"""Keep the declared changes of intents, target and out-of-scope share in the store, for the next retraining.

python -m training.review declare declared.yaml     replace the declaration
python -m training.review declared                  print it
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from chatbot.store import Store, find, layout
from data.declarations import NOTHING, Declared, parse_declared
from training.review.queue import Item, Queue


def read_stored(store: Store) -> Declared:
    """Return the declared changes.

    Raises: CorpusError: the object is not a declaration.
    """
    content = find(store, layout.DECLARED)
    return NOTHING if content is None else parse_declared(content.decode("utf-8", "replace"), layout.DECLARED)


def write_stored(store: Store, declared: Declared) -> None:
    """Replace the declaration (atomic write); the new one must contain the parts of the old one that remain valid."""
    store.put(layout.DECLARED, declared.dump().encode())


def renamed(queue: Queue, declared: Declared, labels: Container[str]) -> Queue:
    """Return the queue with the intents that older versions predicted under the names that a bundle has for them."""
    names = {old: new for old, new in declared.successors.items() if new in labels and old not in labels}

    def name(intent: str) -> str:
        return names.get(intent, intent)

    def item(of: Item) -> Item:
        # The confidence of a merged intent is that of its parts together.
        alternatives: dict[str, float] = {}
        for intent, confidence in of.alternatives:
            alternatives[name(intent)] = alternatives.get(name(intent), 0.0) + confidence
        ranked = sorted(alternatives.items(), key=lambda one: -one[1])
        return replace(of, intent=name(of.intent), suggested=name(of.suggested), alternatives=tuple(ranked))

    return replace(queue, items=tuple(item(of) for of in queue.items)) if names else queue
