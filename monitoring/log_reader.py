"""Reads the log: what was put aside, the current file and the spool, each row once.

What is where is looked at while no drain moves rows, and then read at leisure: files that are deleted
meanwhile can be read to their end, and a file that grows is read to where it ended.
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

from chatbot.records import Feedback, Record, Row, from_line
from monitoring import spool
from monitoring.csv_file import put_aside

LOG, FEEDBACK = "inference_log", "feedback"
"""Names of the CSV files, without `.csv`, and of their segments."""

OnSkip = Callable[[Path, int, str], None]

_LOCK_SECONDS = 60.0
_SPILL_BYTES = 16_000_000

_logger = logging.getLogger(__name__)


def read_log(folder: Path, on_skip: OnSkip | None = None) -> Iterator[Record]:
    """All records of a log, about in order of time, each prediction once.

    Args:
        folder: the log's folder (`LogSettings.folder`); it may be read-only, and be written meanwhile.
        on_skip: told of every line that is no record: file, number of the line, reason. By default it is
        logged.
    """
    return _read(folder, LOG, Record, on_skip or _complain)


def read_feedback(folder: Path, on_skip: OnSkip | None = None) -> dict[str, Feedback]:
    """The last feedback on every prediction, by prediction id."""
    last: dict[str, Feedback] = {}
    for feedback in _read(folder, FEEDBACK, Feedback, on_skip or _complain):
        earlier = last.get(feedback.prediction_id)
        # By time, not by place: segments of several processes are drained one after the other.
        if earlier is None or feedback.timestamp >= earlier.timestamp:
            last[feedback.prediction_id] = feedback
    return last


@dataclass(frozen=True, slots=True)
class _Part:
    """Some bytes of an open file that begin with a header."""

    path: Path
    stream: IO[bytes]
    start: int
    length: int


def _read(folder: Path, name: str, kind: type[Row], on_skip: OnSkip) -> Iterator[Row]:
    with contextlib.ExitStack() as stack:
        for part in _parts(folder, name, stack):
            yield from _rows(part, kind, on_skip)


def _parts(folder: Path, name: str, stack: contextlib.ExitStack) -> list[_Part]:
    """What there is to read now; the files stay open as long as the stack."""
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
                # Beyond the mark of a killed drain lies a part of a segment that is still in the spool.
                end = ends.get(status.st_ino, status.st_size)
                parts.append(_Part(path, stream, 0, min(status.st_size, end)))
        spill = stack.enter_context(tempfile.SpooledTemporaryFile(_SPILL_BYTES))
        for path in segments:
            content = path.read_bytes()
            parts.append(_Part(path, spill, spill.tell(), len(content)))
            spill.write(content)
        return parts


def _rows(part: _Part, kind: type[Row], on_skip: OnSkip) -> Iterator[Row]:
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


def _lines(part: _Part) -> Iterator[bytes]:
    position, end = part.start, part.start + part.length
    while position < end:
        # Several parts share a stream: each line from where this part has come to.
        part.stream.seek(position)
        line = part.stream.readline(end - position)
        position += len(line)
        yield line


def _complain(path: Path, number: int, reason: str) -> None:
    _logger.warning("%s: line %d is no row of the log and is passed over: %s", path, number, reason)
