"""Erase from this machine's files: CSV files of the inference log, its spool, and handoffs that wait for delivery."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from chatbot.files import replacing, write_file
from chatbot.records.erasure import tombstones
from chatbot.settings import LogSettings, StorageSettings, UploadSettings
from chatbot.store import open_store
from monitoring.inference_log import spool
from monitoring.inference_log.adoption import SWEPT
from monitoring.inference_log.csv_file import put_aside
from monitoring.inference_log.log import InferenceLog
from monitoring.inference_log.reader import FEEDBACK, LOG
from monitoring.inference_log.upload import ship
from monitoring.inference_log.upload_queue import UploadQueue
from monitoring.upkeep.erasure import ID, ErasureIncomplete, field_of, without_ids

_CELL = re.compile(rb"(?:^|,)([0-9a-z]{16}|[0-9a-z]{34})(?=,|\r?$)", re.MULTILINE)
"""A cell of a CSV line that may be an id."""
_LOCK_SECONDS = 30.0
_LATE_SECONDS = 3_600.0
_SLACK = 1.0
"""By how many seconds the time of a file may be behind the clock."""


def send_first(log: LogSettings, store: StorageSettings) -> None:
    """Drain and upload this machine's log, so that its rows are found in the store.

    Raises: ErasureIncomplete: the upload queue cannot be sent.
    """
    if not log.folder.is_dir():
        return
    queue = UploadQueue(log.folder)
    InferenceLog(log, uploader=queue).drain(wait=_LOCK_SECONDS)
    report = ship(queue, open_store(store), UploadSettings(), everything=True, wait=_LOCK_SECONDS)
    if report.error or report.busy:
        waits = f"what waits in {queue.folder} cannot be sent ({report.error})"
        raise ErasureIncomplete(f"{waits}: run this again later")


def forget_here(
    log: LogSettings, store: StorageSettings, ids: frozenset[str], gone: Mapping[str, datetime] | None = None
) -> int:
    """Erase ids from this machine's CSV files and undelivered handoffs; return the number of rows of the files.

    Args:
        gone: tombstones, if the erasure was some time ago: later handoffs of an erased session are kept.

    Raises: ErasureIncomplete: the spool has rows of the ids after the timeout, or the upload queue cannot be sent.
    """
    if not log.folder.is_dir():
        return 0
    gone = gone or dict.fromkeys(ids, datetime.now(UTC))
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        with spool.folder_lock(log.folder, _LOCK_SECONDS) as alone:
            if alone and not _mentioned(log.folder, ids) and _take_out_of_spool(log.folder, gone):
                for file in (log.folder / "handoffs").rglob("*.json"):
                    _take_out_of_queue(file, gone)
                _delete_drafts(log.folder)
                return sum(_rewrite(file, ids) for file in _files(log.folder))
        if time.monotonic() > until:
            raise ErasureIncomplete(
                f"rows or handoffs wait in {log.folder} and are not drained: run this again"
            )
        # A running service seals its segment about every second; a drain can take it after that.
        time.sleep(0.2)
        send_first(log, store)


def sweep(log: LogSettings, store: StorageSettings) -> int:
    """Erase from this machine's CSV files what was erased elsewhere since the last sweep; return the rows erased.

    Once an hour, also erase what came after its erasure, such as feedback on an erased prediction, from the files that
    changed since then.

    Raises: ErasureIncomplete, StoreError: not possible at the moment; the next sweep does it.
    """
    seen_file = log.folder / SWEPT
    now = time.time() - _SLACK
    searched_at = seen_file.stat().st_mtime if seen_file.is_file() else now
    seen = frozenset(seen_file.read_text(encoding="ascii").split()) if seen_file.is_file() else frozenset()
    gone = tombstones(open_store(store))
    ids = frozenset(filter(ID.fullmatch, gone))
    fresh = ids - seen
    taken = forget_here(log, store, fresh, gone) if fresh else 0
    if is_due := abs(now - searched_at) >= _LATE_SECONDS:
        with spool.folder_lock(log.folder, _LOCK_SECONDS) as alone:
            if alone:
                _delete_drafts(log.folder)
            if alone and not _mentioned(log.folder, frozenset()):
                changed = (file for file in _files(log.folder) if file.stat().st_mtime >= searched_at)
                taken += sum(_rewrite(file, seen) for file in changed)
    # The next sweep looks for all ids in the adopted rows.
    is_adopting = bool(seen) and not seen_file.is_file()
    if (fresh or is_due) and log.folder.is_dir() and not is_adopting:
        write_file(seen_file, "\n".join(sorted(ids)) + "\n", sync=False)
        os.utime(seen_file, times=(now, now) if is_due else (searched_at, searched_at))
    return taken


def _take_out_of_queue(file: Path, gone: Mapping[str, datetime]) -> None:
    """Take what is erased out of a handoff that waits for its delivery."""
    with contextlib.suppress(FileNotFoundError):  # delivered meanwhile
        text = file.read_text(encoding="utf-8", errors="replace")
        if (kept := without_ids(file.stem, text, gone)) is None:
            file.unlink()
        elif kept != text:
            write_file(file, kept, sync=False)


def _take_out_of_spool(folder: Path, gone: Mapping[str, datetime]) -> bool:
    """Take what is erased out of handoffs that have no file yet; False: a process is writing or sorting them."""
    folder = folder / "handoffs"
    if not spool.segments(folder, spool.HANDOFF):
        return True
    with spool.folder_lock(folder, _LOCK_SECONDS) as alone:
        for segment in spool.segments(folder, spool.HANDOFF) if alone else ():
            with spool.claimed(segment) as complete:
                # Not `splitlines`: JSON contains its further line ends unescaped.
                lines = segment.read_bytes().decode("utf-8", "replace").split("\n")
                found = [without_ids(field_of(line, "prediction_id"), line, gone) for line in lines]
                if found != lines:
                    if not complete:
                        return False
                    write_file(segment, "\n".join(line for line in found if line is not None), sync=False)
        return alone


def _files(folder: Path) -> list[Path]:
    current = [folder / f"{kind}.csv" for kind in (LOG, FEEDBACK)]
    return [file for one in current for file in (*put_aside(one), one) if file.exists()]


def _delete_drafts(folder: Path) -> None:
    """Delete what killed processes were writing (`chatbot.files.replacing`): no later erasure looks into it."""
    for draft in (*folder.glob(".*.csv.*"), *(folder / "handoffs").rglob(".*.json*")):
        with contextlib.suppress(FileNotFoundError):
            if draft.stat().st_mtime < time.time() - _LATE_SECONDS:
                draft.unlink()


def _mentioned(folder: Path, ids: frozenset[str]) -> bool:
    """Return whether the spool has a row of these ids, or a segment that a killed drain appended partly."""
    segments = [segment for kind in (LOG, FEEDBACK) for segment in spool.segments(folder, kind)]
    wanted = frozenset(map(str.encode, ids))
    return any(spool.read_mark(one) or (wanted and _mentions(one.read_bytes(), wanted)) for one in segments)


def _rewrite(file: Path, ids: frozenset[str]) -> int:
    """Rewrite a CSV file without the rows of these ids; return their number. Requires the folder lock."""
    wanted, taken = frozenset(map(str.encode, ids)), 0
    with file.open("rb") as source:
        if not any(_mentions(line, wanted) for line in source):
            return 0
        source.seek(0)
        with replacing(file) as draft, draft.open("xb") as kept:
            for line in source:
                if _mentions(line, wanted):
                    taken += 1
                else:
                    kept.write(line)
    file.chmod(0o640)
    return taken


def _mentions(text: bytes, ids: frozenset[bytes]) -> bool:
    """Whether lines of CSV have one of the ids as a whole cell."""
    return not ids.isdisjoint(_CELL.findall(text))
