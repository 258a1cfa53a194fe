"""Call functions at given times in one thread, however many wait: a `threading.Timer` starts a thread for each."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable

_LEAST_DISCARDED = 64

logger = logging.getLogger(__name__)


class Alarm:
    """One call to come."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], object]) -> None:
        self.action: Callable[[], object] | None = action

    def cancel(self) -> None:
        """Drop the call, unless it has begun."""
        self.action = None


class Watchdog:
    """Calls functions in the order of their times. Thread-safe.

    A call must not block: it delays the others. A forked process begins without calls: those of its parent concern the
    parent's connections, which it shares.
    """

    def __init__(self) -> None:
        self._order = itertools.count()
        self._thread: threading.Thread | None = None
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def call_after(self, seconds: float, action: Callable[[], object]) -> Alarm:
        """Call the action after this many seconds unless the returned alarm is cancelled."""
        alarm = Alarm(action)
        entry = (time.monotonic() + seconds, next(self._order), alarm)
        with self._changed:
            if len(self._entries) >= self._discard_at:
                self._discard_cancelled()
            heapq.heappush(self._entries, entry)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                thread.start()
                self._thread = thread
            elif self._entries[0] is entry:
                self._changed.notify()
        return alarm

    def __len__(self) -> int:
        """Return the number of entries, some of which may be cancelled."""
        return len(self._entries)

    def _begin(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._entries: list[tuple[float, int, Alarm]] = []
        self._discard_at = _LEAST_DISCARDED
        self._thread = None

    def _discard_cancelled(self) -> None:
        # At twice the number that remained last time: constant time for each call on average.
        self._entries = [entry for entry in self._entries if entry[2].action is not None]
        heapq.heapify(self._entries)
        self._discard_at = max(_LEAST_DISCARDED, 2 * len(self._entries))

    def _run(self) -> None:
        while True:
            action = self._next()
            try:
                if action is not None:
                    action()
            except Exception:
                logger.exception("a call of the watchdog failed")

    def _next(self) -> Callable[[], object] | None:
        """Wait for the time of the first entry; return its action, None if it was cancelled."""
        with self._changed:
            while True:
                if not self._entries:
                    self._changed.wait()
                elif (seconds := self._entries[0][0] - time.monotonic()) > 0:
                    self._changed.wait(min(seconds, threading.TIMEOUT_MAX))
                else:
                    return heapq.heappop(self._entries)[2].action


WATCHDOG = Watchdog()
