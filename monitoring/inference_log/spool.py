"""Write a write-ahead spool: append-only segments, each written and locked (flock) by one process, until drained.

A segment is a CSV file with a header. The writer's lock is released when it seals the segment, ends or is killed, so a
segment that can be locked is complete, whichever process wrote it. Process ids are not compared, so this works across
containers and after a restart.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

FOLDER = "spool"
HANDOFF = "handoff"
"""Kind of the segments of `monitoring.handoffs`."""
LOCK = ".lock"
MAX_SEGMENT_BYTES = 4_000_000
"""A segment is sealed beyond this size, which bounds the memory of draining one."""

_POLL_SECONDS = 0.02
_MARK = "@"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.]")


class SegmentWriter:
    """Appends to this process's own segment, and creates one if there is none. Not thread-safe."""

    def __init__(self, folder: Path, kind: str, header: str, suffix: str = ".csv") -> None:
        """Configure the writer; touches no file.

        Names of segments begin with `kind`; their first line is `header`, which has a line end or is empty.
        """
        self._folder = folder / FOLDER
        self._kind = kind
        self._header = header.encode()
        self._suffix = suffix
        self._descriptor = -1
        self._size = 0
        self._begun_ms = 0
        self._last: Path | None = None
        self._sequence = 0
        self._token = secrets.token_hex(4)

    def write(self, lines: Sequence[bytes]) -> int:
        """Pass lines to the operating system in one write; killing the process afterwards loses none.

        Returns: the number of lines written; the others did not fit on the disk, and nothing of them is kept.

        Raises: OSError: no line could be written.
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
        """Release the segment for draining; the next write creates another."""
        if self._descriptor >= 0:
            unlock(self._descriptor)
        self._descriptor, self._size = -1, 0

    def abandon(self) -> None:
        """Close the segment without releasing its lock: in a forked child the lock belongs to the parent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._size = -1, 0
        self._token = secrets.token_hex(4)

    @property
    def is_empty(self) -> bool:
        """Return whether the segment has no rows to seal."""
        return self._size == 0

    def _begin(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        # If the clock is set back, a new segment sorts after this process's older one while that is not drained, and
        # otherwise follows the clock: its age is computed from its name. The token keeps a name unique when another
        # process with the same id begins a segment in the same millisecond.
        now = int(time.time() * 1000)
        is_waiting = self._last is not None and self._last.exists()
        self._begun_ms = max(self._begun_ms, now) if is_waiting else now
        host = _NOT_IN_NAMES.sub("_", socket.gethostname())[:64]
        while True:
            self._sequence += 1
            process = f"{os.getpid()}-{self._token}"
            name = f"{self._kind}-{self._begun_ms:013d}-{host}-{process}-{self._sequence:06d}{self._suffix}"
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
                descriptor = os.open(self._folder / name, flags, 0o640)
            except FileExistsError:
                continue  # another writer of this process created it in the same millisecond
            if try_lock(descriptor) and os.fstat(descriptor).st_nlink:
                self._descriptor, self._size = descriptor, 0
                self._last = self._folder / name
                return
            # A drain ran between create and lock, and took the empty file for one of a dead process.
            os.close(descriptor)

    def _keep_whole(self, header: int, lines: Sequence[bytes], written: int) -> int:
        """Truncate the line that was written partly; return the number of complete lines."""
        ends = [header + end for end in accumulate(map(len, lines)) if header + end <= written]
        keep = ends[-1] if ends else 0
        try:
            os.ftruncate(self._descriptor, self._size + keep)
            self._size += keep
        except OSError:
            self.seal()  # the drain skips the torn last line
        return len(ends)


def segments(folder: Path, kind: str) -> list[Path]:
    """Return all segments of a kind, oldest first: those being written, sealed and partly drained."""
    try:
        names = os.listdir(folder / FOLDER)  # noqa: PTH208  # names are all that is needed, once a second
    except FileNotFoundError:
        return []
    return [folder / FOLDER / name for name in sorted(names) if name.startswith(f"{kind}-")]


@contextlib.contextmanager
def claimed(segment: Path) -> Iterator[bool]:
    """Lock a segment for the block; yields whether it is complete (no process writes it)."""
    descriptor = os.open(segment, os.O_RDONLY)
    try:
        yield try_lock(descriptor)
    finally:
        unlock(descriptor)


def folder_lock(
    folder: Path, wait: float = 0.0, shared: bool = False
) -> contextlib.AbstractContextManager[bool]:
    """Acquire the lock of a log folder's spool: exclusive for draining, shared for reading while no process drains.

    Args, Raises: as `file_lock`.
    """
    return file_lock(folder / FOLDER / LOCK, wait, shared)


@contextlib.contextmanager
def file_lock(file: Path, wait: float = 0.0, shared: bool = False) -> Iterator[bool]:
    """Lock a file (flock) for the block, waiting up to `wait` seconds; yields whether the lock is held.

    The exclusive lock creates the file; the shared one needs no write permission.

    Raises: OSError: the lock file cannot be opened or created.
    """
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
    """Try to lock an open file (flock) without waiting; return whether the lock is held."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Release the lock and close the file."""
    # Closing is not enough: a child forked meanwhile shares the descriptor, and with it the lock.
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def mark(segment: Path, inode: int, length: int) -> Path:
    """Rename a segment atomically: the target file's inode and its length before the append become part of its name."""
    return segment.rename(unmarked(segment).with_name(f"{unmarked(segment).name}{_MARK}{inode}-{length}"))


def unmarked(segment: Path) -> Path:
    """Return the segment's path without the mark."""
    return segment.with_name(segment.name.partition(_MARK)[0])


def read_mark(segment: Path) -> tuple[int, int] | None:
    """Return the mark, inode and length of the target file before the append; None if there is none."""
    note = segment.name.partition(_MARK)[2]
    inode, _, length = note.partition("-")
    return (int(inode), int(length)) if note else None
