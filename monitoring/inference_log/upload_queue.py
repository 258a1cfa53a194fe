"""Queue drained segments and Parquet batches for the store: the upload queue (outbox) of the inference log.

    <log folder>/to-store/<segment>=<rows>                                   a segment, as in the spool
    <log folder>/to-store/<time>-<token>/<kind>=<day>=<rows>=<name>.parquet  a batch: parts ready to upload

A batch is created atomically (a folder is renamed) and lists its segments, which are deleted afterwards, so a kill at
any point can be recovered. The name of a part is fixed when its batch is created, so repeated uploads are idempotent.
Only one process at a time may create, upload or drop (`lock`).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chatbot.settings import UploadSettings
from monitoring.inference_log import spool

FOLDER = "to-store"
SEGMENTS = "segments"
"""Name of the file in a batch that lists its segments, one per line."""

_FAILED = ".failed"
_DRAFT = ".draft"
_PART = re.compile(r"([a-z_]+)=(\d{4}-\d\d-\d\d)=(\d+)=([A-Za-z0-9._-]+)\.parquet")
_SEGMENT = re.compile(r"([a-z_]+)-(\d{13})-.+=(\d+)")
_BATCH = re.compile(r"(\d{13})-[0-9a-f]+")


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """A segment, or a part of a batch, that is not uploaded yet.

    Attributes:
        begun_ms: time of its first row, in milliseconds since 1970.
        kind: `inference_log` or `feedback`.
        size: in bytes.
        batch: folder of the batch; None for a segment.
        day: day of a part's rows, such as `2026-11-23`; empty for a segment.
        name: name of a part in the store; empty for a segment.
    """

    begun_ms: int
    path: Path
    kind: str
    rows: int
    size: int
    batch: Path | None = None
    day: str = ""
    name: str = ""


class UploadQueue:
    """Manages the upload queue: the folder `to-store` of a log folder."""

    def __init__(self, log_folder: Path) -> None:
        """Configure the queue; touches no file."""
        self.folder = log_folder / FOLDER

    def take(self, segment: Path) -> None:
        """Move a drained segment into the queue by an atomic rename; delete it if it has no rows.

        Raises: OSError: the segment cannot be moved and stays where it is.
        """
        rows = segment.read_bytes().count(b"\n") - 1
        if rows < 1:
            segment.unlink()
            return
        self.folder.mkdir(exist_ok=True)
        segment.rename(self.folder / f"{spool.unmarked(segment).name}={rows}")

    def waiting(self) -> list[Waiting]:
        """Return all segments and parts, oldest first, without those deleted concurrently."""
        found: list[Waiting] = []
        for entry in self._scan(self.folder):
            with contextlib.suppress(FileNotFoundError):
                if match := _SEGMENT.fullmatch(entry.name):
                    kind, begun, rows = match.groups()
                    size = entry.stat().st_size
                    found.append(Waiting(int(begun), Path(entry.path), kind, int(rows), size))
                elif match := _BATCH.fullmatch(entry.name):
                    found += self._parts(Path(entry.path), int(match[1]))
        return sorted(found)

    def batches(self) -> list[Path]:
        """Return the batch folders, oldest first, including those without parts left to upload."""
        return sorted(Path(e.path) for e in self._scan(self.folder) if _BATCH.fullmatch(e.name))

    def draft(self, begun_ms: int, token: str) -> Path:
        """Create a draft folder for a batch; `begin` publishes it."""
        folder = self.folder / f"{_DRAFT}-{begun_ms:013d}-{token}"
        folder.mkdir()
        return folder

    def begin(self, draft: Path) -> Path:
        """Publish a draft as a batch by an atomic rename."""
        return draft.rename(self.folder / draft.name.removeprefix(f"{_DRAFT}-"))

    def clean(self) -> None:
        """Recover from a killed process: delete drafts, and segments that are already in a batch."""
        for entry in list(self._scan(self.folder)):
            if entry.name.startswith(_DRAFT):
                shutil.rmtree(entry.path)
        for batch in self.batches():
            self.forget_segments(batch)

    def forget_segments(self, batch: Path) -> None:
        """Delete the segments of a batch, and the batch itself if it has no parts left to upload."""
        listed = batch / SEGMENTS
        if listed.exists():
            for name in listed.read_text(encoding="utf-8").split():
                (self.folder / name).unlink(missing_ok=True)
            listed.unlink()
        with contextlib.suppress(OSError):
            batch.rmdir()

    def trim(self, most_bytes: int) -> dict[str, int]:
        """Drop the oldest items while the queue exceeds `most_bytes`; does nothing while an upload runs.

        Returns: the number of dropped rows by kind.
        """
        waiting = self.waiting()
        too_much = sum(one.size for one in waiting) - most_bytes
        dropped: dict[str, int] = {}
        if too_much <= 0:
            return dropped
        with self.lock() as alone:
            if not alone:
                return dropped
            self.clean()
            # Parts first: batches are older than all segments.
            for one in sorted(self.waiting(), key=lambda one: (one.batch is None, one)):
                if too_much <= 0:
                    break
                one.path.unlink(missing_ok=True)
                if one.batch is not None:
                    with contextlib.suppress(OSError):
                        one.batch.rmdir()
                too_much -= one.size
                dropped[one.kind] = dropped.get(one.kind, 0) + one.rows
        return dropped

    def lock(self, wait: float = 0.0) -> contextlib.AbstractContextManager[bool]:
        """Acquire the queue's exclusive lock for the block, waiting up to `wait` seconds; yields whether it is held."""
        return spool.file_lock(self.folder / spool.LOCK, wait)

    def note(self, failed: bool) -> None:
        """Record whether the last upload failed, for `failed_recently`."""
        with contextlib.suppress(OSError):
            if failed:
                (self.folder / _FAILED).touch()
                os.utime(self.folder / _FAILED)
            else:
                (self.folder / _FAILED).unlink(missing_ok=True)

    def failed_recently(self, seconds: float) -> bool:
        """Return whether the last upload failed less than `seconds` ago."""
        try:
            age = time.time() - (self.folder / _FAILED).stat().st_mtime
        except OSError:
            return False
        return -seconds < age < seconds

    def _parts(self, batch: Path, begun_ms: int) -> list[Waiting]:
        found = []
        for entry in self._scan(batch):
            if match := _PART.fullmatch(entry.name):
                kind, day, rows, name = match.groups()
                size = entry.stat().st_size
                found.append(Waiting(begun_ms, Path(entry.path), kind, int(rows), size, batch, day, name))
        return found

    def _scan(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            yield from entries


def due(waiting: list[Waiting], settings: UploadSettings, now: float) -> bool:
    """Return whether segments of the queue, oldest first, should be uploaded now, by number of rows or by age."""
    segments = [one for one in waiting if one.batch is None]
    if not segments:
        return False
    rows = max(
        sum(one.rows for one in segments if one.kind == kind) for kind in {one.kind for one in segments}
    )
    age = now - segments[0].begun_ms / 1000
    # A negative age means that the clock was set back: upload now.
    return rows >= settings.part_rows or not 0 <= age < settings.part_seconds
