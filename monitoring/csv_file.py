"""A CSV file that takes sealed segments, each exactly once, and is put aside when it grows too large.

How a segment is taken:

1. It is renamed to `<segment>@<inode>-<length>`: the CSV file it goes to, and how long that file is now.
2. Its lines are appended to the CSV file.
3. It is deleted (or moved on: `done`).

Renaming and deleting happen or do not happen, so wherever a drain is killed, the next one can tell what was
done: a segment without a mark is not in the file; one that is gone is in it whole; one with a mark may be in
it in part, so the file is cut back to the length in the mark and the segment taken again. There is no journal
that could disagree with the files. Only one process at a time may do this (`monitoring.spool.folder_lock`).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitoring import spool

_MAX_HEADER_BYTES = 4_096
_STAMP = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True)
class Taken:
    """What was in a segment: whole rows, and whether a torn one followed (its writer was killed there)."""

    rows: int
    torn: bool


class CsvFile:
    """One CSV file of the log and the files put aside before it."""

    def __init__(
        self, path: Path, rotate_bytes: int, keep: int, done: Callable[[Path], None] = Path.unlink
    ) -> None:
        """Touches nothing yet.

        Args:
            path: of the current file; those put aside lie beside it, `<stem>-<time>.csv`.
            rotate_bytes: the file is put aside once it is larger.
            keep: how many put-aside files stay.
            done: what becomes of a segment that was taken: it leaves the spool, in one step. Whoever else
                wants segments gets them here, by a rename into a folder of their own.
        """
        self._path = path
        self._rotate_bytes = rotate_bytes
        self._keep = keep
        self._done = done

    def take(self, segment: Path) -> Taken:
        """Append a sealed segment's rows and be done with it.

        Raises:
            OSError: the file cannot be written; the segment stays, and may be taken again.
        """
        segment = self._undo(segment)
        whole, _, torn = segment.read_bytes().rpartition(b"\n")
        header, _, lines = whole.partition(b"\n")
        taken = Taken(lines.count(b"\n") + 1 if lines else 0, bool(torn))
        if lines:
            self._put_aside_unless(header)
            segment = self._append(segment, header, lines + b"\n")
        self._done(segment)
        if lines and self._path.stat().st_size > self._rotate_bytes:
            self._put_aside()
        return taken

    def _undo(self, segment: Path) -> Path:
        """Take back what a killed drain did with the segment."""
        if (marked := spool.read_mark(segment)) is None:
            return segment
        inode, length = marked
        with contextlib.suppress(FileNotFoundError):
            status = self._path.stat()
            # Somebody may have moved the file away since: then it is not this one that holds a part.
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
            # At once, for a disk without room needs every byte; if even that fails, the mark remains.
            with contextlib.suppress(OSError):
                self._undo(segment)
            raise
        finally:
            os.close(descriptor)
        return segment

    def _put_aside_unless(self, header: bytes) -> None:
        """A file with other columns, of older or newer code, is not continued."""
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as stream:
            found = stream.readline(_MAX_HEADER_BYTES)
            if found and found.rstrip(b"\r\n") != header:
                self._put_aside()

    def _put_aside(self) -> None:
        older = put_aside(self._path)
        stamp = datetime.now(UTC)
        if older:
            # After the newest even when the clock was set back: the oldest by name are the ones that go.
            stamp = max(stamp, _stamp_of(self._path, older[-1]) + timedelta(milliseconds=1))
        name = f"{self._path.stem}-{stamp.strftime(_STAMP)}{stamp.microsecond // 1000:03d}Z.csv"
        older.append(self._path.rename(self._path.with_name(name)))
        for file in older[: -self._keep]:
            file.unlink()


def put_aside(path: Path) -> list[Path]:
    """The files put aside before a log file, the oldest first."""
    name = re.compile(rf"{re.escape(path.stem)}-\d{{8}}T\d{{9}}Z\.csv")
    return sorted(file for file in path.parent.glob(f"{path.stem}-*.csv") if name.fullmatch(file.name))


def _stamp_of(path: Path, aside: Path) -> datetime:
    stamp = aside.stem.removeprefix(f"{path.stem}-").removesuffix("Z")
    return datetime.strptime(stamp, f"{_STAMP}%f").replace(tzinfo=UTC)
