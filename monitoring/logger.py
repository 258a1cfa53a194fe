"""The inference log: a record is on its way to disk before its answer is sent, and ends up in a CSV file.

    append -> this process's segment in <folder>/spool/ -> drain -> <folder>/inference_log.csv -> put aside
                                                             +--> <folder>/to-store/ -> the store

`append` hands a batch to the operating system with one write into a segment that no other process touches:
killing the process loses nothing, losing the machine may. About every second each process seals its segment,
and one of them at a time moves all sealed ones into the CSV file, exactly once (`monitoring.csv_file` says
how), those of dead processes too. A disk without room stops no answer: rows wait in memory and are written
later, and the oldest are dropped and counted where there are too many (`monitoring.stream`). Feedback goes
the same way, into feedback.csv. The way to the store is `monitoring.shipper`'s.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from chatbot.records import Feedback, Record, header, to_line
from chatbot.settings import LogSettings
from monitoring import spool
from monitoring.csv_file import CsvFile, Taken
from monitoring.log_reader import FEEDBACK, LOG, read_feedback, read_log
from monitoring.shipper import Shipper
from monitoring.spool import SegmentWriter
from monitoring.stream import Stream

__all__ = ["Counts", "InferenceLog", "Sink", "read_feedback", "read_log"]

MEGABYTE = 1_000_000
DRAIN_SECONDS = 1.0
CLOSE_SECONDS = 5.0

_logger = logging.getLogger(__name__)


class Sink(Protocol):
    """What the drain hands sealed segments to, one at a time, the oldest first."""

    def take(self, segment: Path) -> Taken:
        """Take the rows for good and the segment out of the spool, or raise OSError and leave it there."""


@dataclass(slots=True)
class Counts:
    """What became of this process's rows, since its start.

    Attributes:
        written: are in the spool or beyond.
        spooled: had to wait in memory, the disk taking nothing; they count again as written or dropped.
        dropped: are lost: memory or spool were full, or the process ended before the disk took them.
        torn: lines that this process found cut off while draining; nobody got an answer for them.
    """

    written: int = 0
    spooled: int = 0
    dropped: int = 0
    torn: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, name: str, count: int) -> None:
        """Count rows as "written", "spooled", "dropped" or "torn"; from any thread."""
        with self._lock:
            setattr(self, name, getattr(self, name) + count)


class InferenceLog:
    """One a process; may be called from any thread, and survives a fork with nothing of the parent's."""

    def __init__(
        self,
        settings: LogSettings,
        on_count: Callable[[str, int], None] | None = None,
        shipper: Shipper | None = None,
    ) -> None:
        """Touches no file yet.

        Args:
            settings: where the files lie and how large they may be.
            on_count: told, from any thread, what became of records: "written", "spooled" or "dropped", and
                how many (`Counts` says what each means). For metrics; feedback is counted in
                `feedback_counts` only.
            shipper: sends to the store what the CSV files have taken; without one they are the end.
        """
        self.counts = Counts()
        self.feedback_counts = Counts()
        self._folder = settings.folder
        self._spool_bytes = settings.spool_mb * MEGABYTE
        self._on_count = on_count
        self._log = self._stream(LOG, header(Record), settings, self._count)
        self._feedback = self._stream(FEEDBACK, header(Feedback), settings, self._count_feedback)
        self._sinks: dict[str, Sink] = {
            kind: CsvFile(
                self._folder / f"{kind}.csv",
                settings.rotate_mb * MEGABYTE,
                settings.keep,
                done=Path.unlink if shipper is None else shipper.take,
            )
            for kind in (LOG, FEEDBACK)
        }
        self._shipper = shipper
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._complaint = ""
        _logs.add(self)

    def _stream(
        self, kind: str, first_line: str, settings: LogSettings, count: Callable[[str, int], None]
    ) -> Stream:
        return Stream(SegmentWriter(self._folder, kind, first_line), settings.memory_mb * MEGABYTE, count)

    def append(self, records: Sequence[Record]) -> None:
        """Put a batch of records on the way to disk, with one write. Never raises, never waits for room."""
        self._log.append(_lines(records, self._count))

    def append_feedback(self, feedback: Feedback) -> None:
        """Put a feedback on the way to disk; reading takes the last one on a prediction. Never raises."""
        self._feedback.append(_lines([feedback], self._count_feedback))

    def start(self) -> None:
        """Drain about every second from now on, in a thread that ends with the process. Twice is once."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._keep_draining, name="inference-log", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Write and drain what there is: for SIGTERM. What no disk takes by now is dropped and counted."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join(CLOSE_SECONDS)
            self._thread = None
        self.drain(wait=CLOSE_SECONDS)
        for stream in (self._log, self._feedback):
            stream.give_up()
        if self._shipper is not None:
            self._shipper.close()

    def drain(self, wait: float = 0.0) -> bool:
        """Move what the spool holds into the CSV files, whichever process wrote it. Never raises OSError.

        Args:
            wait: seconds to wait while another process does it.

        Returns:
            Whether this process did it, and all of it; what other processes write right now is not meant.
        """
        for stream in (self._log, self._feedback):
            stream.flush()
            stream.seal()
        try:
            with spool.folder_lock(self._folder, wait) as alone:
                done = alone and self._drain_alone()
                if self._shipper is not None:
                    self._shipper.tend(alone)
                return done
        except OSError as error:
            self._complain(str(error))
            return False

    def _drain_alone(self) -> bool:
        problems = [problem for kind in self._sinks if (problem := self._drain_kind(kind))]
        if problems:
            self._trim_spool()
        self._complain("; ".join(problems))
        return not problems

    def _drain_kind(self, kind: str) -> str:
        """What went wrong with a kind of rows; empty if nothing did."""
        try:
            # What a killed drain began comes first: taking it back cuts off all that was appended since.
            for segment in sorted(spool.segments(self._folder, kind), key=lambda s: not spool.read_mark(s)):
                with spool.claimed(segment) as complete:
                    if complete and self._sinks[kind].take(segment).torn:
                        self.counts.add("torn", 1)
                        _logger.warning("%s: the last line is torn and was left out", segment)
        except OSError as error:
            return str(error)
        return ""

    def _trim_spool(self) -> None:
        """Drop the oldest segments while the spool is too large. For when the drain cannot go on."""
        segments = [segment for kind in self._sinks for segment in spool.segments(self._folder, kind)]
        sizes = {segment: segment.stat().st_size for segment in segments}
        too_much = sum(sizes.values()) - self._spool_bytes
        for segment in sorted(segments, key=lambda segment: segment.stat().st_mtime_ns):
            if too_much <= 0:
                return
            with spool.claimed(segment) as complete:
                # A marked one is in the CSV file in part: only taking it again makes that whole.
                if complete and spool.read_mark(segment) is None:
                    rows = max(0, segment.read_bytes().count(b"\n") - 1)
                    segment.unlink()
                    too_much -= sizes[segment]
                    count = self._count if segment.name.startswith(LOG) else self._count_feedback
                    count("dropped", rows)

    def _keep_draining(self) -> None:
        while True:
            try:
                self.drain()
            except Exception:
                _logger.exception("draining the log failed; it is tried again")
            if self._stop.wait(DRAIN_SECONDS):
                return

    def _complain(self, problem: str) -> None:
        """Log a problem when it begins and when it is over, not every second between."""
        if problem and not self._complaint:
            _logger.warning(
                "the log cannot be drained and waits in %s: %s", self._folder / spool.FOLDER, problem
            )
        elif self._complaint and not problem:
            _logger.warning("the log is drained again")
        self._complaint = problem

    def _count(self, name: str, count: int) -> None:
        self.counts.add(name, count)
        if self._on_count is not None:
            try:
                self._on_count(name, count)
            except Exception:
                _logger.exception("counting %d records as %s failed", count, name)

    def _count_feedback(self, name: str, count: int) -> None:
        self.feedback_counts.add(name, count)

    def _start_anew(self) -> None:
        self._log.start_anew()
        self._feedback.start_anew()
        if self._shipper is not None:
            self._shipper.start_anew()
        self.counts, self.feedback_counts = Counts(), Counts()
        self._stop = threading.Event()
        self._thread = None


def _lines(rows: Sequence[Record | Feedback], count: Callable[[str, int], None]) -> list[bytes]:
    lines = []
    for row in rows:
        try:
            lines.append(to_line(row).encode("utf-8", "replace"))
        except Exception:
            # A row that cannot be written down is a bug, and no reason to leave a customer without an answer.
            _logger.exception("a row cannot be written down and is dropped: %r", type(row))
            count("dropped", 1)
    return lines


_logs: weakref.WeakSet[InferenceLog] = weakref.WeakSet()


def _start_all_anew() -> None:
    for log in list(_logs):
        log._start_anew()


os.register_at_fork(after_in_child=_start_all_anew)
