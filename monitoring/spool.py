"""The spool: where a process puts rows the moment they exist, and where they wait to be drained.

A segment is a file of CSV with a header that one process appends to and nobody else. Its writer holds a lock
(flock) on it, which the kernel takes away when the writer seals the segment, ends, or is killed: a segment
that can be locked is complete, whoever wrote it and whatever became of them. No process ids are compared, so
this holds across containers and after a restart.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

FOLDER = "spool"
LOCK = ".lock"
MAX_SEGMENT_BYTES = 4_000_000
"""A segment is sealed beyond this size, so that taking one never needs much memory."""

_POLL_SECONDS = 0.02
_MARK = "@"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.]")


class SegmentWriter:
    """Appends to this process's own segment, begins one when there is none. Not for two threads at once."""

    def __init__(self, folder: Path, kind: str, header: str, suffix: str = ".csv") -> None:
        """Touches nothing yet.

        Args:
            folder: the log's folder.
            kind: what the rows are; segments of a kind are drained into the CSV file of that name.
            header: the first line of every segment, with its line end.
            suffix: how the names of the segments end.
        """
        self._folder = folder / FOLDER
        self._kind = kind
        self._header = header.encode()
        self._suffix = suffix
        self._descriptor = -1
        self._size = 0
        self._begun_ms = 0
        self._sequence = 0

    def write(self, lines: Sequence[bytes]) -> int:
        """Hand lines to the operating system in one write: a process that is killed afterwards loses none.

        Returns:
            How many were written; for the others the disk had no room, and nothing of them is there.

        Raises:
            OSError: not one could be written.
        """
        if self._descriptor < 0 or not os.fstat(self._descriptor).st_nlink:
            self.seal()
            self._begin()
        header = b"" if self._size else self._header
        data = header + b"".join(lines)
        written = os.write(self._descriptor, data)
        if written == len(data):
            count = len(lines)
            self._size += written
        else:
            count = self._keep_whole(len(header), lines, written)
        if self._size >= MAX_SEGMENT_BYTES:
            self.seal()
        return count

    def seal(self) -> None:
        """Let go of the segment: it will be drained, and the next write begins another."""
        if self._descriptor >= 0:
            unlock(self._descriptor)
        self._descriptor, self._size = -1, 0

    def abandon(self) -> None:
        """Forget the segment and leave its lock alone: in a forked child it is the parent's."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._size = -1, 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to seal."""
        return self._size == 0

    def _begin(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        # A clock that is set back must not put a segment before an older one of this process.
        self._begun_ms = max(self._begun_ms, int(time.time() * 1000))
        host = _NOT_IN_NAMES.sub("_", socket.gethostname())[:64]
        while True:
            self._sequence += 1
            name = (
                f"{self._kind}-{self._begun_ms:013d}-{host}-{os.getpid()}-{self._sequence:06d}{self._suffix}"
            )
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
                descriptor = os.open(self._folder / name, flags, 0o640)
            except FileExistsError:
                continue  # another log of this process began it within the same millisecond
            if try_lock(descriptor) and os.fstat(descriptor).st_nlink:
                self._descriptor, self._size = descriptor, 0
                return
            # A drain came between making and locking, and took the empty file for a dead process's.
            os.close(descriptor)

    def _keep_whole(self, header: int, lines: Sequence[bytes], written: int) -> int:
        """Cut off the line that was written in part.

        Returns:
            How many lines were written in full.
        """
        ends = [header + end for end in accumulate(map(len, lines)) if header + end <= written]
        keep = ends[-1] if ends else 0
        try:
            os.ftruncate(self._descriptor, self._size + keep)
            self._size += keep
        except OSError:
            self.seal()  # with a torn end, which the drain leaves out
        return len(ends)


def segments(folder: Path, kind: str) -> list[Path]:
    """A kind's segments, the oldest first; written, sealed and half drained ones alike."""
    try:
        names = os.listdir(folder / FOLDER)  # noqa: PTH208  # names are all that is needed, once a second
    except FileNotFoundError:
        return []
    return [folder / FOLDER / name for name in sorted(names) if name.startswith(f"{kind}-")]


@contextlib.contextmanager
def claimed(segment: Path) -> Iterator[bool]:
    """Whether the segment is complete: nobody writes it, and nobody can begin to within the block."""
    descriptor = os.open(segment, os.O_RDONLY)
    try:
        yield try_lock(descriptor)
    finally:
        unlock(descriptor)


@contextlib.contextmanager
def folder_lock(folder: Path, wait: float = 0.0, shared: bool = False) -> Iterator[bool]:
    """Whether this process may drain, alone (or, shared, may read while nobody drains), within the block.

    Args:
        folder: the log's folder.
        wait: seconds to wait for whoever has it.
        shared: for reading; needs no right to write.

    Raises:
        OSError: the lock's file can be neither opened nor made.
    """
    file = folder / FOLDER / LOCK
    if not shared:
        file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT, 0o640)
    try:
        until = time.monotonic() + wait
        while not (locked := try_lock(descriptor, shared)) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        yield locked
    finally:
        unlock(descriptor)


def try_lock(descriptor: int, shared: bool = False) -> bool:
    """Lock an open file until it is closed, unless somebody else has."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Let go of a lock, and close."""
    # Closing is not enough: a process that was forked meanwhile has the descriptor too, and the lock with it.
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def mark(segment: Path, inode: int, length: int) -> Path:
    """Note in the segment's name, in one step, which file it is now appended to and how long that was before.

    Returns:
        The segment under its new name.
    """
    return segment.rename(unmarked(segment).with_name(f"{unmarked(segment).name}{_MARK}{inode}-{length}"))


def unmarked(segment: Path) -> Path:
    """The segment's name without the note."""
    return segment.with_name(segment.name.partition(_MARK)[0])


def read_mark(segment: Path) -> tuple[int, int] | None:
    """Inode and former length of the file that a drain was appending the segment to when it ended."""
    note = segment.name.partition(_MARK)[2]
    inode, _, length = note.partition("-")
    return (int(inode), int(length)) if note else None
