"""Let something happen just before a store's call: another process overtakes the one under test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from chatbot.store import Store

Event = Callable[[str], object]
"""Gets the key of the call."""


@dataclass
class _Overtaken:
    store: Store
    before: dict[str, Event]

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.store, name)
        if (happens := self.before.get(name)) is None:
            return call

        def after(key: str, *given: Any, **named: Any) -> Any:
            happens(key)
            return call(key, *given, **named)

        return after


def overtaken(store: Store, **before: Event) -> Store:
    """Return the store with events before the named methods: `overtaken(store, put=erase)`."""
    return cast(Store, _Overtaken(store, before))
