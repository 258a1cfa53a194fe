"""Append sealed spool segments to a CSV file, each exactly once, and rotate the file by size.

Steps for one segment:

1. Rename it to `<segment>@<inode>-<length>`: the target CSV file and its current length (the rollback point).
2. Append its lines to the CSV file.
3. Delete it, or pass it on (`done`).

Rename and delete are atomic, so a drain that is killed at any point can be recovered without a journal: a segment
without a mark is not in the file; a deleted segment is in it completely; a marked segment may be in it partly, so the
file is truncated to the marked length and the segment is appended again. Only one process at a time may do this
(`monitoring.inference_log.spool.folder_lock`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitoring.inference_log import spool

_MAX_HEADER_BYTES = 4_096
_STAMP = "%Y%m%dT%H%M%S"

_logger = logging.getLogger(__name__)


class CsvFile:
    """Manages one CSV file of the log and its rotated predecessors."""

    def __init__(
        self, path: Path, rotate_bytes: int, keep: int, done: Callable[[Path], None] = Path.unlink
    ) -> None:
        """Configure the file; touches no file. Rotated files are in the same folder as `<stem>-<time>.csv`.

        Args:
            done: removes an appended segment from the spool in one atomic step: deletes it, or renames it into another
                folder for further processing.
        """
        self._path = path
        self._rotate_bytes = rotate_bytes
        self._keep = keep
        self._done = done

    def take(self, segment: Path) -> None:
        """Append the rows of a sealed segment and remove it from the spool.

        Raises: OSError: the file cannot be written; the segment stays in the spool and can be retried.
        """
        segment = self._undo(segment)
        whole, _, torn = segment.read_bytes().rpartition(b"\n")
        header, _, lines = whole.partition(b"\n")
        if torn:  # its writer was killed
            _logger.warning("%s: the last line is incomplete and was skipped", segment)
        if lines:
            self._put_aside_unless(header)
            segment = self._append(segment, header, lines + b"\n")
        self._done(segment)
        if lines and self._path.stat().st_size > self._rotate_bytes:
            self._put_aside()

    def _undo(self, segment: Path) -> Path:
        """Roll back a partial append by a killed drain."""
        if (marked := spool.read_mark(segment)) is None:
            return segment
        inode, length = marked
        with contextlib.suppress(FileNotFoundError):
            status = self._path.stat()
            # If the file was moved away since, the partial append is not in this one.
            if status.st_ino == inode and status.st_size > length:
                os.truncate(self._path, length)
        return segment.rename(spool.unmarked(segment))

    def _append(self, segment: Path, header: bytes, lines: bytes) -> Path:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            status = os.fstat(descriptor)
            segment = spool.mark(segment, status.st_ino, status.st_size)
            data = memoryview(lines if status.st_size else header + b"\n" + lines)
            while data:
                data = data[os.write(descriptor, data) :]
        except OSError:
            # Roll back at once, because a full disk needs the space; if that fails, the mark remains.
            with contextlib.suppress(OSError):
                self._undo(segment)
            raise
        finally:
            os.close(descriptor)
        return segment

    def _put_aside_unless(self, header: bytes) -> None:
        """Rotate the file if its header differs (written by older or newer code)."""
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as stream:
            found = stream.readline(_MAX_HEADER_BYTES)
            if found and found.rstrip(b"\r\n") != header:
                self._put_aside()

    def _put_aside(self) -> None:
        older = put_aside(self._path)
        stamp = datetime.now(UTC)
        if older:
            # Later than the newest rotated file even if the clock was set back: files are deleted in name order.
            stamp = max(stamp, _stamp_of(self._path, older[-1]) + timedelta(milliseconds=1))
        name = f"{self._path.stem}-{stamp.strftime(_STAMP)}{stamp.microsecond // 1000:03d}Z.csv"
        older.append(self._path.rename(self._path.with_name(name)))
        for file in older[: -self._keep]:
            file.unlink()


def put_aside(path: Path) -> list[Path]:
    """Return the rotated files of a log file, oldest first."""
    name = re.compile(rf"{re.escape(path.stem)}-\d{{8}}T\d{{9}}Z\.csv")
    return sorted(file for file in path.parent.glob(f"{path.stem}-*.csv") if name.fullmatch(file.name))


def _stamp_of(path: Path, aside: Path) -> datetime:
    stamp = aside.stem.removeprefix(f"{path.stem}-").removesuffix("Z")
    return datetime.strptime(stamp, f"{_STAMP}%f").replace(tzinfo=UTC)
