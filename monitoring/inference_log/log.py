"""Write the inference log: append records to a write-ahead spool before the answer is sent, then drain them to CSV.

    append -> this process's segment in <folder>/spool/ -> drain -> <folder>/inference_log.csv -> rotated
                                                             +--> <folder>/to-store/ -> the store

`append` passes a batch to the operating system in one write to a segment that only this process writes: killing the
process loses nothing, losing the machine may. About every second each process seals its segment, and one process at a
time moves all sealed segments, including those of dead processes, to the CSV file, exactly once
(`monitoring.inference_log.csv_file`). A full disk does not block answers: rows are buffered in memory and written
later; beyond the limit the oldest are dropped and counted (`monitoring.inference_log.buffered_writer`). Feedback is
handled the same way, in feedback.csv. `monitoring.inference_log.uploader` uploads to the store. On a volume that
several replicas share, one takes over what another left (`monitoring.inference_log.adoption`).
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

from chatbot.records.schema import Feedback, Record, header, to_line
from chatbot.settings import LogSettings
from monitoring.inference_log import spool
from monitoring.inference_log.adoption import Ownership, adopt
from monitoring.inference_log.buffered_writer import Count, Stream
from monitoring.inference_log.csv_file import CsvFile
from monitoring.inference_log.reader import FEEDBACK, LOG
from monitoring.inference_log.spool import SegmentWriter
from monitoring.inference_log.upload_queue import UploadQueue
from monitoring.inference_log.uploader import Uploader

MEGABYTE = 1_000_000
DRAIN_SECONDS = 1.0
CLOSE_SECONDS = 5.0
ADOPT_SECONDS = 15.0
"""Interval at which a replica looks for queues that others left."""

_logger = logging.getLogger(__name__)


def _ignore(outcome: str, rows: int) -> None:
    """Count nothing."""


class InferenceLog:
    """The inference log of a process. Thread-safe; a forked child starts empty, without the parent's rows."""

    def __init__(
        self,
        settings: LogSettings,
        on_count: Count = _ignore,
        uploader: Uploader | UploadQueue | None = None,
    ) -> None:
        """Configure the log; touches no file.

        Args:
            on_count: called, from any thread, with an outcome of records and their number, for metrics: "written"
                to the spool; "spooled": buffered in memory because the disk was full, and counted again later;
                "dropped": memory or spool was full, or the process ended first. Feedback is not counted.
            uploader: takes drained segments and uploads them to the store. A queue only takes them: the caller uploads
                them. None: nothing is uploaded. Only with an uploader, this log adopts others.
        """
        self._folder = settings.folder
        self._spool_bytes = settings.spool_mb * MEGABYTE
        self._on_count = on_count
        self._log = self._stream(LOG, header(Record), settings, self._count)
        self._feedback = self._stream(FEEDBACK, header(Feedback), settings, _ignore)
        self._files = {
            kind: CsvFile(
                self._folder / f"{kind}.csv",
                settings.rotate_mb * MEGABYTE,
                settings.keep,
                done=Path.unlink if uploader is None else uploader.take,
            )
            for kind in (LOG, FEEDBACK)
        }
        self._uploader = None if isinstance(uploader, UploadQueue) else uploader
        self._adopts = settings.adopt and self._uploader is not None
        self._ownership: Ownership | None = None
        self._adopt_at = 0.0
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._complaint = ""
        _logs.add(self)

    def _stream(self, kind: str, first_line: str, settings: LogSettings, count: Count) -> Stream:
        return Stream(SegmentWriter(self._folder, kind, first_line), settings.memory_mb * MEGABYTE, count)

    def append(self, records: Sequence[Record]) -> None:
        """Append a batch of records to the write-ahead spool in one write. Never raises or waits for disk space."""
        self._log.append(_lines(records, self._count))

    def append_feedback(self, feedback: Feedback) -> None:
        """Append a feedback to the spool; readers use the last one on a prediction. Never raises."""
        self._feedback.append(_lines([feedback], _ignore))

    def start(self) -> None:
        """Start draining about every second in a daemon thread; idempotent.

        Raises:
            AlreadyAdopted: another replica holds the folder.
            OSError: the folder cannot be written, and is to be adopted by others.
        """
        if self._thread is None:
            if self._adopts and self._ownership is None:
                self._ownership = Ownership(self._folder)
            self._stop.clear()
            self._thread = threading.Thread(target=self._keep_draining, name="inference-log", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Shut down gracefully: write, drain and upload all rows; rows that cannot be written are dropped and counted.

        Call it last: afterwards other replicas may adopt the folder, handoffs included.
        """
        if self._thread is not None:
            self._stop.set()
            self._thread.join(CLOSE_SECONDS)
            self._thread = None
        # Another process may hold the lock for long: an erasure rewrites all CSV files. What stays in the spool is lost
        # with the pod's volume, so the drain and the upload share one time limit: the wait for the lock ends after half
        # of it, and what is queued already is uploaded in the other half.
        seconds = 2 * CLOSE_SECONDS if self._uploader is None else self._uploader.close_seconds
        until = time.monotonic() + seconds
        self.drain(wait=seconds / 2)
        for stream in (self._log, self._feedback):
            stream.give_up()
        if self._uploader is not None:
            self._uploader.close(until - time.monotonic())
        self._release()

    def _release(self) -> None:
        """Let other replicas adopt what could not be sent."""
        if self._ownership is not None:
            self._ownership.release()
            self._ownership = None

    def drain(self, wait: float = 0.0) -> bool:
        """Move all sealed segments, of all processes, to the CSV files. Never raises OSError.

        Args: wait: seconds to wait for the lock while another process drains.

        Returns: whether this process drained all sealed segments; False if another process drains, or on an error.
        """
        for stream in (self._log, self._feedback):
            stream.flush()
            stream.seal()
        try:
            with spool.folder_lock(self._folder, wait) as alone:
                if alone:
                    self._adopt()
                done = alone and self._drain_alone()
                if self._uploader is not None:
                    self._uploader.tend(alone)
                return done
        except OSError as error:
            self._complain(str(error))
            return False

    def _adopt(self) -> None:
        if self._ownership is None or self._stop.is_set() or time.monotonic() < self._adopt_at:
            return
        self._adopt_at = time.monotonic() + ADOPT_SECONDS
        try:
            for replica in adopt(self._folder):
                _logger.warning("%s ended and left records or handoffs: this replica sends them", replica)
        except OSError as error:
            _logger.warning("queues beside %s cannot be adopted, which is retried: %s", self._folder, error)

    def _drain_alone(self) -> bool:
        problems = [problem for kind in self._files if (problem := self._drain_kind(kind))]
        if problems:
            self._trim_spool()
        self._complain("; ".join(problems))
        return not problems

    def _drain_kind(self, kind: str) -> str:
        """Drain the segments of one kind; return the error message, empty on success."""
        try:
            # Segments of a killed drain come first: their rollback truncates anything appended later.
            for segment in sorted(spool.segments(self._folder, kind), key=lambda s: not spool.read_mark(s)):
                with spool.claimed(segment) as complete:
                    if complete:
                        self._files[kind].take(segment)
        except OSError as error:
            return str(error)
        return ""

    def _trim_spool(self) -> None:
        """Drop the oldest segments while the spool exceeds its limit; called if draining fails."""
        segments = [segment for kind in self._files for segment in spool.segments(self._folder, kind)]
        sizes = {segment: segment.stat().st_size for segment in segments}
        too_much = sum(sizes.values()) - self._spool_bytes
        for segment in sorted(segments, key=lambda segment: segment.stat().st_mtime_ns):
            if too_much <= 0:
                return
            with spool.claimed(segment) as complete:
                # Keep a marked segment: it may be in the CSV file partly, and only a retry completes it.
                if complete and spool.read_mark(segment) is None:
                    rows = max(0, segment.read_bytes().count(b"\n") - 1)
                    segment.unlink()
                    too_much -= sizes[segment]
                    if segment.name.startswith(LOG):
                        self._count("dropped", rows)

    def _keep_draining(self) -> None:
        while True:
            try:
                self.drain()
            except Exception:
                _logger.exception("draining the log failed; it is retried")
            if self._stop.wait(DRAIN_SECONDS):
                return

    def _complain(self, problem: str) -> None:
        """Log a problem when it begins and when it ends, not on every drain."""
        if problem and not self._complaint:
            _logger.warning(
                "the log cannot be drained and waits in %s: %s", self._folder / spool.FOLDER, problem
            )
        elif self._complaint and not problem:
            _logger.warning("the log is drained again")
        self._complaint = problem

    def _count(self, name: str, count: int) -> None:
        try:
            self._on_count(name, count)
        except Exception:
            _logger.exception("counting %d records as %s failed", count, name)

    def _start_anew(self) -> None:
        self._log.start_anew()
        self._feedback.start_anew()
        if self._uploader is not None:
            self._uploader.start_anew()
        self._stop = threading.Event()
        self._thread = None
        self._release()


def _lines(rows: Sequence[Record | Feedback], count: Count) -> list[bytes]:
    lines = []
    for row in rows:
        try:
            lines.append(to_line(row).encode("utf-8", "replace"))
        except Exception:
            # A row that cannot be serialized is a bug; the customer still gets an answer.
            _logger.exception("a row cannot be serialized and is dropped: %r", type(row))
            count("dropped", 1)
    return lines


_logs: weakref.WeakSet[InferenceLog] = weakref.WeakSet()


def _start_all_anew() -> None:
    for log in list(_logs):
        log._start_anew()


os.register_at_fork(after_in_child=_start_all_anew)
