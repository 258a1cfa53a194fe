"""Buffer writes to a spool segment: lines that the disk does not accept wait in memory, up to a limit."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from monitoring.inference_log.spool import SegmentWriter

Count = Callable[[str, int], None]
"""Callback: outcome ("written", "spooled", "dropped"), number of lines."""

_CHUNK_LINES = 256
"""Maximum buffered lines per write, so that a batch of answers does not wait for the whole buffer."""
_RETRY_SECONDS = 0.5

_logger = logging.getLogger(__name__)


class Stream:
    """Appends lines from any thread; never raises and never waits for disk space."""

    def __init__(self, writer: SegmentWriter, memory_bytes: int, count: Count) -> None:
        """Configure the buffer; touches no file.

        Args:
            memory_bytes: maximum size of the buffer in bytes; beyond it the oldest lines are dropped.
            count: called with "written", "spooled" (buffered in memory) or "dropped", and the number of lines.
        """
        self._writer = writer
        self._memory_bytes = memory_bytes
        self._count = count
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._retry_at = 0.0

    @property
    def held(self) -> int:
        """Return how many lines are buffered."""
        return len(self._held)

    def append(self, lines: Sequence[bytes]) -> None:
        """Write lines after all earlier ones, or buffer them."""
        with self._lock:
            earlier = self._write_held() if self._held and time.monotonic() >= self._retry_at else 0
            written = 0 if self._held else self._write(lines)
            self._held.extend(lines[written:])
            self._held_bytes += sum(map(len, lines[written:]))
            dropped = self._drop_oldest()
        self._tell(written=earlier + written, spooled=len(lines) - written, dropped=dropped)

    def flush(self) -> None:
        """Write the buffered lines, as far as the disk accepts them."""
        while True:
            with self._lock:
                written = self._write_held()
            self._tell(written=written)
            if not written:
                return

    def seal(self) -> None:
        """Seal the segment, so that it can be drained."""
        with self._lock:
            if not self._writer.is_empty:
                self._writer.seal()

    def give_up(self) -> None:
        """Drop the buffered lines and count them; called when the process ends."""
        with self._lock:
            dropped = len(self._held)
            self._held.clear()
            self._held_bytes = 0
        self._tell(dropped=dropped)

    def start_anew(self) -> None:
        """Reset in a forked child: segment and buffered lines belong to the parent, which writes them."""
        self._writer.abandon()
        self._begin()

    def _write_held(self) -> int:
        chunk = list(islice(self._held, _CHUNK_LINES))
        written = self._write(chunk) if chunk else 0
        for line in chunk[:written]:
            self._held.popleft()
            self._held_bytes -= len(line)
        return written

    def _write(self, lines: Sequence[bytes]) -> int:
        """Write lines and return how many were written."""
        if not lines:
            return 0
        written, reason = 0, "no space for all of it"
        try:
            written = self._writer.write(lines)
        except OSError as error:
            reason = str(error)
        if written == len(lines):
            if self._retry_at:
                _logger.warning("the log is written again")
            self._retry_at = 0.0
        else:
            if not self._retry_at:
                _logger.warning("the log cannot be written, records wait in memory: %s", reason)
            self._retry_at = time.monotonic() + _RETRY_SECONDS
        return written

    def _drop_oldest(self) -> int:
        dropped = 0
        while self._held_bytes > self._memory_bytes:
            self._held_bytes -= len(self._held.popleft())
            dropped += 1
        return dropped

    def _tell(self, **counts: int) -> None:
        for name, count in counts.items():
            if count:
                self._count(name, count)
