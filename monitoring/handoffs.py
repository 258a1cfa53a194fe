"""Handoffs: on disk before the customer's answer is sent, delivered to the webhook and the store after it.

    append -> this process's segment in <log>/handoffs/spool/ -> sort -> <log>/handoffs/webhook/<prediction id>.json
                                                                     -> <log>/handoffs/store/<prediction id>.json

`append` is one write into a segment that no other process touches, as the log's (`monitoring.spool`): it waits
for no network, and killing the process loses nothing. Sorting makes a file of each handoff for each target;
from there it is delivered at its own pace (`monitoring.delivery`): at least once, under its prediction id.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from chatbot.errors import StoreError
from chatbot.handoff import Handoff, key_of, parse
from chatbot.settings import HandoffSettings
from chatbot.storage import Store
from monitoring import spool
from monitoring.delivery import Delivery, NotDeliveredError, OnCount, Target
from monitoring.spool import SegmentWriter
from monitoring.stream import Stream

FOLDER = "handoffs"
WEBHOOK, STORE = "webhook", "store"
SORT_SECONDS = 0.5

_KIND = "handoff"
_SUFFIX = ".jsonl"
_MEMORY_BYTES = 4_000_000
_CLOSE_SECONDS = 4.0

_logger = logging.getLogger(__name__)


class StoreTarget:
    """Where the staff page reads handoffs: `handoffs/day=YYYY-MM-DD/<prediction id>.json`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def send(self, name: str, body: bytes) -> None:
        """Raises: NotDeliveredError: the store does not take it."""
        try:
            self._store.put(key_of(name), body)
        except (StoreError, OSError) as error:
            raise NotDeliveredError(str(error), everything=True) from error

    def close(self) -> None:
        """There is nothing to hang up."""


class HandoffLog:
    """One a process; `append` may be called from any thread."""

    def __init__(
        self,
        folder: Path,
        settings: HandoffSettings,
        targets: dict[str, Target],
        on_count: OnCount = lambda name, outcome, count: None,
        on_waiting: Callable[[str, int], None] = lambda name, count: None,
    ) -> None:
        """Touches no file and opens no connection yet.

        Args:
            folder: the log's (`LogSettings.folder`).
            targets: where handoffs go, by name; without any, nothing is written.
            on_count: told what became of handoffs, for each target.
            on_waiting: told how many wait for each target.
        """
        self._folder = folder / FOLDER
        self._on_count = on_count
        self._stream = Stream(
            SegmentWriter(self._folder, _KIND, "", _SUFFIX), _MEMORY_BYTES, self._count_dropped
        )
        self._deliveries = [
            Delivery(
                name,
                self._folder / name,
                target,
                retry=settings.retry_seconds,
                most_retry=settings.most_retry_seconds,
                keep=timedelta(hours=settings.keep_hours),
                most_bytes=settings.spool_mb * 1_000_000,
                on_count=on_count,
                on_waiting=on_waiting,
            )
            for name, target in targets.items()
        ]
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._complaint = ""

    def append(self, handoffs: Iterable[Handoff]) -> None:
        """Put handoffs on the way to disk, with one write. Never raises, never waits for room or a network."""
        if not self._deliveries:
            return
        try:
            lines = [handoff.body() + b"\n" for handoff in handoffs]
            if lines:
                self._stream.append(lines)
        except Exception:
            # A handoff that cannot be written down is a bug, and no reason to leave a customer without an answer.
            _logger.exception("handoffs cannot be written down and are dropped")
            self._count_dropped("dropped", 1)

    def start(self) -> None:
        """Sort and deliver from now on, in threads that end with the process. Twice is once."""
        if self._thread is None and self._deliveries:
            self._stop.clear()
            self._thread = threading.Thread(target=self._keep_sorting, name="handoffs", daemon=True)
            self._thread.start()
            for delivery in self._deliveries:
                delivery.start()

    def close(self) -> None:
        """Deliver for a few seconds what is due: for SIGTERM. The rest stays on disk for the next process."""
        if not self._deliveries:
            return
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)
            self._thread = None
        self.sort()
        until = time.monotonic() + _CLOSE_SECONDS
        for delivery in self._deliveries:
            delivery.close(max(0.1, until - time.monotonic()))
        self._stream.give_up()

    def sort(self) -> bool:
        """Make a file for each target of every handoff in the spool, whichever process wrote it.

        Returns:
            Whether all of it was done; what another process writes or sorts right now is not meant.
        """
        self._stream.flush()
        self._stream.seal()
        try:
            if not spool.segments(self._folder, _KIND):
                return True
            with spool.folder_lock(self._folder) as alone:
                if alone:
                    for segment in spool.segments(self._folder, _KIND):
                        self._sort_segment(segment)
        except OSError as error:
            if not self._complaint:
                _logger.warning("handoffs wait in %s: %s", self._folder / spool.FOLDER, error)
            self._complaint = str(error)
            return False
        self._complaint = ""
        return alone

    def _sort_segment(self, segment: Path) -> None:
        with spool.claimed(segment) as complete:
            if not complete:
                return
            for name, body in _rows(segment):
                for delivery in self._deliveries:
                    delivery.put(name, body)
            # Only now: killed before this, the next one makes the same files again.
            segment.unlink()

    def _keep_sorting(self) -> None:
        while not self._stop.is_set():
            try:
                self.sort()
            except Exception:
                _logger.exception("sorting handoffs failed; it is tried again")
            self._stop.wait(SORT_SECONDS)

    def _count_dropped(self, outcome: str, count: int) -> None:
        if outcome == "dropped":
            for delivery in self._deliveries:
                self._on_count(delivery.name, outcome, count)


def targets_of(settings: HandoffSettings, store: Store | None) -> dict[str, Target]:
    """Where the settings send handoffs.

    Raises:
        SettingError: there is a URL and no secret that could sign what is posted there.
    """
    targets: dict[str, Target] = {}
    if settings.url:
        from monitoring.webhook import Webhook

        targets[WEBHOOK] = Webhook(settings)
    if store is not None:
        targets[STORE] = StoreTarget(store)
    return targets


def _rows(segment: Path) -> Iterator[tuple[str, bytes]]:
    """The handoffs in a segment, with their names; a last line that was cut off with its writer is left out."""
    *lines, torn = segment.read_bytes().split(b"\n")
    if torn:
        _logger.warning("%s: the last line is torn and was left out", segment)
    for number, line in enumerate(lines, start=1):
        try:
            name = parse(line).prediction_id
            key_of(name)
        except (StoreError, ValueError):  # what is wrong with it may quote it
            _logger.warning("%s: line %d is no handoff and is passed over", segment, number)
            continue
        yield name, line
