"""Read who holds a lease in the store."""

from __future__ import annotations

import json

from chatbot.errors import Missing
from chatbot.store import Store


def lease_holder(store: Store, key: str) -> str:
    """Return the holder that the lease records; empty: it is free."""
    try:
        return str(json.loads(store.get(key))["holder"])
    except Missing:
        return ""
