"""Upload the inference log's upload queue to the store, once: `python -m monitoring.ship [--all] [--wait SECONDS]`.

The service starts this as a separate low-priority process if rows are due (`monitoring.inference_log.uploader`), so
that encoding Parquet and waiting for the store do not delay answers in a worker. Uploads are at-least-once and
idempotent: the process may be killed at any point, and two may be started concurrently. Prints one line of JSON
(`UploadResult`).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, cast

from chatbot.errors import ChatbotError
from chatbot.files import sync_to_disk
from chatbot.records.schema import Feedback, Record, from_line, latest_feedback
from chatbot.settings import LogSettings, StorageSettings, UploadSettings
from chatbot.store import Store, StoreError, layout, open_store
from monitoring.inference_log.reader import FEEDBACK, LOG
from monitoring.inference_log.upload_queue import SEGMENTS, UploadQueue, Waiting, due

KINDS: dict[str, type[Record] | type[Feedback]] = {LOG: Record, FEEDBACK: Feedback}

_NICE = 10
_MOST_SECONDS = 60.0
_NOT_IN_NAMES = str.maketrans({c: "_" for c in map(chr, range(128)) if not (c.isalnum() or c in ".-")})

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class UploadResult:
    """Result of an upload, printed as one line of JSON.

    Attributes:
        sent: number of rows uploaded, by kind.
        spooled: number of rows whose first upload failed, by kind.
        damaged: number of lines that are not valid rows (they are in the CSV file and counted there as well).
        error: the error; empty on success.
        busy: another process holds the lock; nothing was done.
    """

    sent: dict[str, int] = field(default_factory=dict)
    spooled: dict[str, int] = field(default_factory=dict)
    damaged: int = 0
    error: str = ""
    busy: bool = False


def ship(
    queue: UploadQueue, store: Store, settings: UploadSettings, *, everything: bool = False, wait: float = 0.0
) -> UploadResult:
    """Upload the existing batches, then build batches from the segments and upload those.

    Args:
        everything: include segments that are not due yet.
        wait: seconds to wait for another process that holds the lock.

    Returns: the report; a store failure sets its `error` and is not raised.
    """
    report = UploadResult()
    with queue.lock(wait) as alone:
        if not alone:
            report.busy = True
            return report
        try:
            queue.clean()
            until = time.monotonic() + _MOST_SECONDS
            _send(queue, store, report, until)
            new = everything or due(queue.waiting(), settings, time.time())
            # While the store fails, build batches only when they are due, so that they do not become tiny.
            if new and (not report.error or due(queue.waiting(), settings, time.time())):
                before = {one.path for one in queue.waiting()}
                for kind in KINDS:
                    _make_batches(queue, kind, settings.part_rows, report)
                if not report.error:
                    _send(queue, store, report, until)
                if report.error:
                    for one in queue.waiting():
                        if one.batch is not None and one.path not in before:
                            _count(report.spooled, one)
        except OSError as error:
            report.error = f"{queue.folder}: {error}"
        queue.note(bool(report.error))
    return report


def _send(queue: UploadQueue, store: Store, report: UploadResult, until: float) -> None:
    from chatbot.records.log_store import prefix_of

    for part in [one for one in queue.waiting() if one.batch is not None]:
        if time.monotonic() > until:
            return
        key = layout.part(prefix_of(KINDS[part.kind]), date.fromisoformat(part.day), part.name)
        try:
            store.put_file(key, part.path)
        except StoreError as error:
            report.error = str(error)
            return
        part.path.unlink()
        _count(report.sent, part)
        queue.forget_segments(cast(Path, part.batch))


def _make_batches(queue: UploadQueue, kind: str, part_rows: int, report: UploadResult) -> None:
    waiting: list[Waiting] = []
    segments = [one for one in queue.waiting() if one.batch is None and one.kind == kind]
    for index, one in enumerate(segments):
        waiting.append(one)
        if sum(w.rows for w in waiting) >= part_rows or index == len(segments) - 1:
            _make_batch(queue, kind, waiting, report)
            waiting = []


def _make_batch(queue: UploadQueue, kind: str, segments: list[Waiting], report: UploadResult) -> None:
    from chatbot.records.part import encode, to_table

    by_day: dict[date, list[Record | Feedback]] = defaultdict(list)
    for segment in segments:
        for row in _rows(segment, report):
            by_day[row.timestamp.date()].append(row)
    token = secrets.token_hex(4)
    host = socket.gethostname()[:48].translate(_NOT_IN_NAMES)
    name = f"{segments[0].begun_ms:013d}-{host}-{token}"
    draft = queue.draft(segments[0].begun_ms, token)
    for day, rows in by_day.items():
        if kind == FEEDBACK:
            rows = list(latest_feedback(cast(list[Feedback], rows)).values())
        table = to_table(KINDS[kind], rows)
        file = draft / f"{kind}={day.isoformat()}={len(rows)}={name}.parquet"
        _write(file, encode(table, [(name, len(rows))]))
    _write(draft / SEGMENTS, "".join(f"{one.path.name}\n" for one in segments).encode())
    queue.forget_segments(queue.begin(draft))


def _rows(segment: Waiting, report: UploadResult) -> Iterator[Record | Feedback]:
    whole = segment.path.read_bytes().rpartition(b"\n")[0]
    header, *lines = whole.decode("utf-8", "replace").split("\n")
    columns = header.split(",")
    kind: Any = KINDS[segment.kind]
    for number, line in enumerate(lines, start=2):
        try:
            yield from_line(kind, line, columns)
        except ValueError as error:
            report.damaged += 1
            _logger.warning("%s: line %d is not a row and is skipped: %s", segment.path, number, error)


def _write(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    sync_to_disk(file)


def _count(counts: dict[str, int], one: Waiting) -> None:
    counts[one.kind] = counts.get(one.kind, 0) + one.rows


def main(arguments: list[str] | None = None) -> int:
    """Upload due rows, or all; exit code 1 on an error."""
    parser = argparse.ArgumentParser(
        prog="python -m monitoring.ship", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--all", action="store_true", help="also what could wait longer")
    parser.add_argument(
        "--wait", type=float, default=0.0, help="seconds to wait for another process that is at it"
    )
    options = parser.parse_args(arguments)
    os.nice(_NICE)
    try:
        store = open_store(StorageSettings())
        report = ship(
            UploadQueue(LogSettings().folder),
            store,
            UploadSettings(),
            everything=options.all,
            wait=options.wait,
        )
    except (ChatbotError, OSError) as error:
        report = UploadResult(error=str(error))
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    return 1 if report.error else 0
