"""Read the log: rotated files, the current file and the spool, each row exactly once.

The files are opened and their lengths are taken under the shared folder lock, while no drain moves rows. They are read
after its release: open files remain readable if deleted, and a growing file is read up to the recorded length.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from chatbot.records.schema import Feedback, Record, Row, from_line, latest_feedback
from monitoring.inference_log import spool
from monitoring.inference_log.csv_file import put_aside

LOG, FEEDBACK = "inference_log", "feedback"
"""Names of the CSV files without `.csv`, and of the kinds of their segments."""

OnSkip = Callable[[Path, int, str], None]

_LOCK_SECONDS = 60.0
_SPILL_BYTES = 16_000_000

_logger = logging.getLogger(__name__)


def read_log(folder: Path, on_skip: OnSkip | None = None) -> Iterator[Record]:
    """Yield all records of a log, approximately in order of time, each prediction once.

    Args:
        folder: the log folder (`LogSettings.folder`); may be read-only, and may be written concurrently.
        on_skip: called for each line that is not a record: file, line number, reason; by default, logs a warning.

    Raises: TimeoutError: a drain held the lock for a minute.
    """
    return _read(folder, LOG, Record, on_skip or _complain)


def read_feedback(folder: Path, on_skip: OnSkip | None = None) -> dict[str, Feedback]:
    """Return the last feedback on each prediction, by prediction id.

    See `read_log` for arguments and errors.
    """
    return latest_feedback(_read(folder, FEEDBACK, Feedback, on_skip or _complain))


@dataclass(frozen=True, slots=True)
class _ByteRange:
    """A byte range of an open file; it begins with a header line."""

    path: Path
    stream: IO[bytes]
    start: int
    length: int


def _read(folder: Path, name: str, kind: type[Row], on_skip: OnSkip) -> Iterator[Row]:
    with contextlib.ExitStack() as stack:
        for part in _parts(folder, name, stack):
            yield from _rows(part, kind, on_skip)


def _parts(folder: Path, name: str, stack: contextlib.ExitStack) -> list[_ByteRange]:
    """Return the parts to read; their files stay open until the stack closes."""
    with contextlib.ExitStack() as lock:
        if (folder / spool.FOLDER / spool.LOCK).exists():
            locked = lock.enter_context(spool.folder_lock(folder, _LOCK_SECONDS, shared=True))
            if not locked:
                raise TimeoutError(f"a drain has held {folder / spool.FOLDER / spool.LOCK} for a minute")
        current = folder / f"{name}.csv"
        segments = spool.segments(folder, name)
        ends = dict(filter(None, map(spool.read_mark, segments)))
        parts = []
        for path in [*put_aside(current), current]:
            with contextlib.suppress(FileNotFoundError):
                stream = stack.enter_context(path.open("rb"))
                status = os.fstat(stream.fileno())
                # Bytes beyond a killed drain's mark belong to a segment that is still in the spool.
                end = ends.get(status.st_ino, status.st_size)
                parts.append(_ByteRange(path, stream, 0, min(status.st_size, end)))
        spill = stack.enter_context(tempfile.SpooledTemporaryFile(_SPILL_BYTES))
        for path in segments:
            content = path.read_bytes()
            parts.append(_ByteRange(path, spill, spill.tell(), len(content)))
            spill.write(content)
        return parts


def _rows(part: _ByteRange, kind: type[Row], on_skip: OnSkip) -> Iterator[Row]:
    columns: list[str] = []
    for number, line in enumerate(_lines(part), start=1):
        if number == 1:
            columns = line.decode("utf-8", "replace").strip().split(",")
            continue
        try:
            if not line.endswith(b"\n"):
                raise ValueError("the line is cut off")
            yield from_line(kind, line.decode("utf-8", "replace").rstrip("\r\n"), columns)
        except ValueError as error:
            on_skip(part.path, number, str(error))


def _lines(part: _ByteRange) -> Iterator[bytes]:
    position, end = part.start, part.start + part.length
    while position < end:
        # Several parts share a stream: seek to this part's position for each line.
        part.stream.seek(position)
        line = part.stream.readline(end - position)
        position += len(line)
        yield line


def _complain(path: Path, number: int, reason: str) -> None:
    _logger.warning("%s: line %d is not a row of the log and is skipped: %s", path, number, reason)
