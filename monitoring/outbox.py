"""What waits on this machine to be sent to the store: segments that are in the CSV file, and batches made of them.

    <log folder>/to-store/<segment>=<rows>                                   a segment, as the spool had it
    <log folder>/to-store/<time>-<token>/<kind>=<day>=<rows>=<name>.parquet  a batch: parts, ready to be sent

A batch appears in one step (a folder is renamed) and names the segments that are in it; they are deleted after
that, so wherever this is killed, the next one can tell what was done. From then on each part has the name under
which it is sent, however often that takes. Only one process at a time may make, send or drop (`lock`).
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

from chatbot.settings import ShipSettings
from monitoring import spool

FOLDER = "to-store"
SEGMENTS = "segments"
"""The file in a batch that names the segments that are in it, one a line."""

_LOCK = ".lock"
_FAILED = ".failed"
_DRAFT = ".draft"
_POLL_SECONDS = 0.05
_PART = re.compile(r"([a-z_]+)=(\d{4}-\d\d-\d\d)=(\d+)=([A-Za-z0-9._-]+)\.parquet")
_SEGMENT = re.compile(r"([a-z_]+)-(\d{13})-.+=(\d+)")
_BATCH = re.compile(r"(\d{13})-[0-9a-f]+")


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """A segment, or a part of a batch.

    Attributes:
        begun_ms: milliseconds since 1970, when its first row was written.
        kind: `inference_log` or `feedback`.
        size: in bytes.
        batch: the batch's folder; None for a segment.
        day: `2026-11-23`, of a part's rows; empty for a segment.
        name: under which a part is sent; empty for a segment.
    """

    begun_ms: int
    path: Path
    kind: str
    rows: int
    size: int
    batch: Path | None = None
    day: str = ""
    name: str = ""


class Outbox:
    """The folder `to-store` of a log's folder."""

    def __init__(self, log_folder: Path) -> None:
        """Touches nothing yet."""
        self.folder = log_folder / FOLDER

    def take(self, segment: Path) -> None:
        """Move a segment here that the CSV file has taken; one without rows is deleted.

        Raises:
            OSError: it stays where it is.
        """
        rows = segment.read_bytes().count(b"\n") - 1
        if rows < 1:
            segment.unlink()
            return
        self.folder.mkdir(exist_ok=True)
        segment.rename(self.folder / f"{spool.unmarked(segment).name}={rows}")

    def look(self) -> list[Waiting]:
        """Everything that waits, the oldest first; what vanishes meanwhile is left out."""
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
        """The batches, the oldest first; also those of which nothing is left to send."""
        return sorted(Path(e.path) for e in self._scan(self.folder) if _BATCH.fullmatch(e.name))

    def draft(self, begun_ms: int, token: str) -> Path:
        """A folder to make a batch in; `begin` puts it in its place."""
        folder = self.folder / f"{_DRAFT}-{begun_ms:013d}-{token}"
        folder.mkdir()
        return folder

    def begin(self, draft: Path) -> Path:
        """Let a draft be a batch, in one step."""
        return draft.rename(self.folder / draft.name.removeprefix(f"{_DRAFT}-"))

    def clean(self) -> None:
        """Finish what a killed process began: drafts go, and segments that are in a batch."""
        for entry in list(self._scan(self.folder)):
            if entry.name.startswith(_DRAFT):
                shutil.rmtree(entry.path)
        for batch in self.batches():
            self.forget_segments(batch)

    def forget_segments(self, batch: Path) -> None:
        """Delete the segments that are in a batch; the batch, where nothing of it is left to send."""
        listed = batch / SEGMENTS
        if listed.exists():
            for name in listed.read_text(encoding="utf-8").split():
                (self.folder / name).unlink(missing_ok=True)
            listed.unlink()
        with contextlib.suppress(OSError):
            batch.rmdir()

    def trim(self, most_bytes: int) -> dict[str, int]:
        """Drop the oldest while there is more than that. Not while something is being sent.

        Returns:
            How many rows of each kind were dropped.
        """
        waiting = self.look()
        too_much = sum(one.size for one in waiting) - most_bytes
        dropped: dict[str, int] = {}
        if too_much <= 0:
            return dropped
        with self.lock() as alone:
            if not alone:
                return dropped
            self.clean()
            # What is sent from batches comes first: it is older than all segments.
            for one in sorted(self.look(), key=lambda one: (one.batch is None, one)):
                if too_much <= 0:
                    break
                one.path.unlink(missing_ok=True)
                if one.batch is not None:
                    with contextlib.suppress(OSError):
                        one.batch.rmdir()
                too_much -= one.size
                dropped[one.kind] = dropped.get(one.kind, 0) + one.rows
        return dropped

    @contextlib.contextmanager
    def lock(self, wait: float = 0.0) -> Iterator[bool]:
        """Whether this process alone makes, sends and drops, within the block; waits so many seconds for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            until = time.monotonic() + wait
            while not (locked := spool.try_lock(descriptor)) and time.monotonic() < until:
                time.sleep(_POLL_SECONDS)
            yield locked
        finally:
            spool.unlock(descriptor)

    def note(self, failed: bool) -> None:
        """Remember whether the store took what it was sent: `is_patient` asks."""
        with contextlib.suppress(OSError):
            if failed:
                (self.folder / _FAILED).touch()
                os.utime(self.folder / _FAILED)
            else:
                (self.folder / _FAILED).unlink(missing_ok=True)

    def is_patient(self, seconds: float) -> bool:
        """Whether the store failed less than so long ago."""
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


def due(waiting: list[Waiting], settings: ShipSettings, now: float) -> bool:
    """Whether there are segments that should wait no longer, by their rows or by their age."""
    segments = [one for one in waiting if one.batch is None]
    if not segments:
        return False
    rows = max(
        sum(one.rows for one in segments if one.kind == kind) for kind in {one.kind for one in segments}
    )
    age = now - segments[0].begun_ms / 1000
    # Before its own beginning: the clock was set back, and may be again.
    return rows >= settings.part_rows or not 0 <= age < settings.part_seconds
