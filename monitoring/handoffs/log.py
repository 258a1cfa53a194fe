"""Write handoffs to a write-ahead spool before the answer is sent, then deliver them to webhook and store.

    append -> this process's segment in <log>/handoffs/spool/ -> sort -> <log>/handoffs/webhook/<prediction id>.json
                                                                     -> <log>/handoffs/store/<prediction id>.json
                                                                     -> the store, if it is a folder of this machine

`append` is one write to a segment that only this process writes, as for the inference log
(`monitoring.inference_log.spool`): it does not wait for the network, and killing the process loses nothing. Sorting
creates one file per handoff and target (an outbox per target), unless a store on this machine accepts the handoff at
once. Delivery from there is at-least-once and independent per target (`monitoring.handoffs.delivery`); the prediction
id is the idempotency key.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from chatbot.errors import StoreError
from chatbot.records.handoff import Handoff, key_of, parse
from chatbot.settings import HandoffSettings
from chatbot.store import Store
from chatbot.store.folder import FolderStore
from monitoring.handoffs.delivery import Delivery, NotDelivered, OnCount, Target
from monitoring.inference_log import spool
from monitoring.inference_log.buffered_writer import Stream
from monitoring.inference_log.spool import SegmentWriter

FOLDER = "handoffs"
WEBHOOK, STORE = "webhook", "store"
NOBODY = "none"
"""Counted as the target of handoffs where no target is configured."""
SORT_SECONDS = 0.5

_SUFFIX = ".jsonl"
_MEMORY_BYTES = 4_000_000
_CLOSE_SECONDS = 4.0

_logger = logging.getLogger(__name__)


class StoreTarget:
    """Writes handoffs to the store, for the staff page: `handoffs/day=YYYY-MM-DD/<prediction id>.json`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def send(self, name: str, body: bytes) -> None:
        """Put one handoff into the store; idempotent.

        Raises: NotDelivered: the store does not accept it.
        """
        try:
            self._store.put(key_of(name), body)
        except (StoreError, OSError) as error:
            raise NotDelivered(str(error), everything=True) from error

    def close(self) -> None:
        """Do nothing: the store has no connection to close."""


class FolderTarget(StoreTarget):
    """Writes handoffs to a store on this machine, those of a segment together."""

    def __init__(self, store: FolderStore) -> None:
        super().__init__(store)
        self._folder = store

    def send_all(self, documents: Mapping[str, bytes]) -> None:
        """Put handoffs into the store; idempotent.

        Raises: NotDelivered: the store does not accept one of them.
        """
        try:
            self._folder.put_all({key_of(name): body for name, body in documents.items()})
        except (StoreError, OSError) as error:
            raise NotDelivered(str(error), everything=True) from error


class HandoffLog:
    """Spools and delivers handoffs. One instance per process; `append` is thread-safe."""

    def __init__(
        self,
        folder: Path,
        settings: HandoffSettings,
        targets: dict[str, Target],
        on_count: OnCount = lambda name, outcome, count: None,
        on_waiting: Callable[[str, int, float], None] = lambda name, count, seconds: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Configure the log; touches no file and opens no connection.

        Args:
            folder: the log folder (`LogSettings.folder`).
            targets: receivers of handoffs by name; if empty, nothing is written.
            on_count: see `Delivery`.
            on_waiting: called with a target's name, the number of its undelivered handoffs (those in the memory of
                this process and, in one of the processes that share the folder, those on disk), and the age of the
                oldest one in seconds, as far as this process knows it.
            clock: monotonic clock in seconds that ages handoffs.
        """
        self._folder = folder / FOLDER
        self._on_count, self._on_waiting = on_count, on_waiting
        self._stream = Stream(
            SegmentWriter(self._folder, spool.HANDOFF, "", _SUFFIX), _MEMORY_BYTES, self._count_dropped
        )
        self._deliveries = [
            Delivery(name, self._folder / name, target, settings, on_count, clock)
            for name, target in targets.items()
        ]
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._complaint = ""
        self._counting = -1
        self._clock = clock
        self._stuck_at: float | None = None

    def append(self, handoffs: Iterable[Handoff]) -> None:
        """Append handoffs to the write-ahead spool in one write. Never raises; never waits for disk or network."""
        if not self._deliveries:
            self._on_count(NOBODY, "dropped", sum(1 for _ in handoffs))
            return
        try:
            lines = [handoff.body() + b"\n" for handoff in handoffs]
            if lines:
                self._stream.append(lines)
        except Exception:
            # A handoff that cannot be serialized is a bug; the customer still gets an answer.
            _logger.exception("handoffs cannot be written to disk and are dropped")
            self._count_dropped("dropped", 1)

    def start(self) -> None:
        """Start sorting and delivery in daemon threads; idempotent."""
        if self._thread is None and self._deliveries:
            self._stop.clear()
            self._thread = threading.Thread(target=self._keep_sorting, name="handoffs", daemon=True)
            self._thread.start()
            for delivery in self._deliveries:
                delivery.start()

    def close(self) -> None:
        """Shut down gracefully: deliver due handoffs for a few seconds; the rest stays on disk for the next process."""
        if not self._deliveries:
            return
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)
            self._thread = None
        self.sort(wait=_CLOSE_SECONDS)
        until = time.monotonic() + _CLOSE_SECONDS
        for delivery in self._deliveries:
            delivery.close(max(0.1, until - time.monotonic()))
        self._stream.give_up()
        self._show_waiting()
        if self._counting >= 0:
            spool.unlock(self._counting)
            self._counting = -1

    def sort(self, wait: float = 0.0) -> bool:
        """Create a file per target for each handoff in the spool, of all processes but those that are writing theirs.

        Args: wait: seconds to wait for the lock while another process sorts.

        Returns: False if another process is sorting, or on an I/O error.
        """
        self._stream.flush()
        self._stream.seal()
        try:
            if not spool.segments(self._folder, spool.HANDOFF):
                return True
            with spool.folder_lock(self._folder, wait) as alone:
                if alone:
                    for segment in spool.segments(self._folder, spool.HANDOFF):
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
            if rows := dict(_rows(segment)):
                for delivery in self._deliveries:
                    delivery.put_all(rows)
            # Deleted last: after a kill, the next sort writes the same files again (idempotent).
            segment.unlink()

    def _keep_sorting(self) -> None:
        while not self._stop.is_set():
            try:
                self.sort()
                self._show_waiting()
            except Exception:
                _logger.exception("moving handoffs into the delivery folders failed; it is retried")
            self._stop.wait(SORT_SECONDS)

    def _show_waiting(self) -> None:
        """Report how many handoffs wait for each target, and how long; those on disk are reported by one process."""
        held, counts = self._stream.held, self._counts_the_disk()
        # Unless sorting fails, what is in the spool has a file per target within half a second.
        spooled = _spooled(self._folder) if counts and self._complaint else 0
        now, unsorted = self._clock(), held + spooled
        if not unsorted:
            self._stuck_at = None
        elif self._stuck_at is None:
            self._stuck_at = now
        stuck = now - self._stuck_at if self._stuck_at is not None else 0.0
        for delivery in self._deliveries:
            waiting = unsorted + (len(delivery.waiting()) if counts else 0)
            self._on_waiting(delivery.name, waiting, max(stuck, delivery.oldest_seconds()))

    def _counts_the_disk(self) -> bool:
        """Return whether this process counts what is on disk, which it then does until it ends.

        The lock is on the folder itself: a full disk takes no further file.
        """
        if self._counting < 0 and self._folder.is_dir():
            descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            if spool.try_lock(descriptor):
                self._counting = descriptor
            else:
                os.close(descriptor)
        return self._counting >= 0

    def _count_dropped(self, outcome: str, count: int) -> None:
        if outcome == "dropped":
            for delivery in self._deliveries:
                self._on_count(delivery.name, outcome, count)


def targets_of(settings: HandoffSettings, store: Store | None) -> dict[str, Target]:
    """Return the configured targets by name; without a store, it is not one of them.

    Raises: SettingError: a URL is set without a secret to sign requests.
    """
    targets: dict[str, Target] = {}
    if settings.url:
        from monitoring.handoffs.webhook import Webhook

        targets[WEBHOOK] = Webhook(settings)
    if store is not None:
        targets[STORE] = FolderTarget(store) if isinstance(store, FolderStore) else StoreTarget(store)
    return targets


def _spooled(folder: Path) -> int:
    """Count the handoffs in the spool of all processes."""
    count = 0
    for segment in spool.segments(folder, spool.HANDOFF):
        with contextlib.suppress(FileNotFoundError):  # sorted meanwhile
            count += segment.read_bytes().count(b"\n")
    return count


def _rows(segment: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and body of each handoff in a segment; skips a torn last line (its writer was killed)."""
    *lines, torn = segment.read_bytes().split(b"\n")
    if torn:
        _logger.warning("%s: the last line is incomplete and was skipped", segment)
    for number, line in enumerate(lines, start=1):
        try:
            name = parse(line).prediction_id
            key_of(name)
        except (StoreError, ValueError):  # do not log the error: it may quote personal data
            _logger.warning("%s: line %d is not a handoff and is skipped", segment, number)
            continue
        yield name, line
