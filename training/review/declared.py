"""Keep the declared changes of intents and target in the store, for the next retraining.

python -m training.review declare declared.yaml     replace the declaration
python -m training.review declared                  print it
"""

from __future__ import annotations

from chatbot.errors import Missing
from chatbot.store import Store, layout
from data.declarations import NOTHING, Declared, parse_declared


def read_stored(store: Store) -> Declared:
    """Return the declared changes.

    Raises:
        StoreError: the store is unavailable.
        CorpusError: the object is not a declaration.
    """
    try:
        return parse_declared(store.get(layout.DECLARED).decode("utf-8", "replace"), layout.DECLARED)
    except Missing:
        return NOTHING


def write_stored(store: Store, declared: Declared) -> None:
    """Replace the declaration by another one, which must contain what still holds of the former; an atomic write."""
    store.put(layout.DECLARED, declared.dump().encode())
