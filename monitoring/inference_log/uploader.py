"""Upload drained log segments to the object store as Parquet parts, in a separate process.

    append -> segment in spool/ -> drain -> inference_log.csv
                                      |
                                      +--> to-store/ (outbox) -> python -m monitoring.ship -> store
                                           segments, batches      a separate process          log/day=.../...parquet

One atomic rename removes a segment from the spool and puts it into the upload queue (outbox), so it is in the CSV
file and in the queue, or in neither. `monitoring.inference_log.upload` processes the queue; it is started here when
enough rows wait or the oldest has waited long enough. Uploads are at-least-once and idempotent: the name of a part is
fixed before its first upload, and its file is deleted only after the store has it, so readers of the store see each
row once. A failed upload is retried after a pause. The queue is bounded: the oldest rows are dropped first and
counted. Several workers share one queue; the worker that drains also manages it.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatbot.settings import LogSettings, StorageSettings, UploadSettings
from monitoring.inference_log.upload_queue import UploadQueue, due

MEGABYTE = 1_000_000
_SWEEP_SECONDS = 3_600.0
_CLOSE_RETRY_SECONDS = 1.0
"""Delay between attempts to upload the queue at shutdown."""

_ROOT = Path(__file__).resolve().parents[2]

_logger = logging.getLogger(__name__)


class Uploader:
    """Takes drained segments and runs the upload process. One instance per process; only `take` may raise."""

    def __init__(
        self,
        log: LogSettings,
        settings: UploadSettings,
        store: StorageSettings,
        on_count: Callable[[str, str, int], None] = lambda kind, outcome, rows: None,
        on_state: Callable[[int, float], None] = lambda rows, sent_at: None,
    ) -> None:
        """Configure the upload; touches no file.

        Args:
            settings: limits of parts and of the queue, retry and shutdown times.
            on_count: called with kind (`inference_log`, `feedback`), outcome ("sent"; "spooled": the store did
                not accept due rows; "dropped": the queue was full) and number of rows.
            on_state: called with the number of queued rows, and the time of the last successful upload (seconds
                since 1970; 0: none since this process started).
        """
        self._queue = UploadQueue(log.folder.absolute())
        self._settings = settings
        self._environment = _environment(log, settings, store)
        self._on_count = on_count
        self._on_state = on_state
        self._sent_at = 0.0
        self._complaint = ""
        self._pass: subprocess.Popen[bytes] | None = None
        self._started_at = time.monotonic()

    def take(self, segment: Path) -> None:
        """Move a drained segment from the spool to the upload queue.

        Raises: OSError: the segment cannot be moved and stays in the spool.
        """
        self._queue.take(segment)

    def tend(self, alone: bool = True) -> None:
        """Start an upload if rows are due, and trim the queue; called about every second.

        Without the folder lock (`alone`), only collect the result of this process's own upload.
        """
        try:
            self._collect()
            if alone:
                self._tend()
        except OSError as error:
            self._complain(str(error))

    def _tend(self) -> None:
        waiting = self._queue.waiting()
        for kind, rows in self._queue.trim(self._settings.queue_mb * MEGABYTE).items():
            self._on_count(kind, "dropped", rows)
        self._on_state(sum(one.rows for one in waiting), self._sent_at)
        unsent = any(one.batch is not None for one in waiting)
        # The upload process also erases what was erased in the store since it last ran.
        is_sweep_due = time.monotonic() - self._started_at >= _SWEEP_SECONDS
        if not unsent and not is_sweep_due and not due(waiting, self._settings, time.time()):
            return
        if self._pass is None and not self._queue.failed_recently(self._settings.retry_seconds):
            with self._queue.lock() as free:
                if not free:
                    return
            self._start()

    def _collect(self) -> None:
        """Read the upload process's report if it has ended."""
        if self._pass is not None and self._pass.poll() is not None:
            self._hear(self._pass.communicate()[0])

    @property
    def close_seconds(self) -> float:
        """Return how long a shutdown may take."""
        return self._settings.close_seconds

    def close(self, seconds: float | None = None) -> None:
        """Shut down gracefully: upload the queue, with retries, within a time; the rest stays queued.

        Args: seconds: what is left of `close_seconds`; None: all.
        """
        until = time.monotonic() + (self.close_seconds if seconds is None else max(0.0, seconds))
        try:
            self._finish(until)
            while self._queue.waiting() and (left := until - time.monotonic()) > 0:
                self._start("--all", f"--wait={left:g}")
                self._finish(until)
                if self._queue.waiting():
                    time.sleep(max(0.0, min(_CLOSE_RETRY_SECONDS, until - time.monotonic())))
        except OSError as error:
            self._complain(str(error))

    def start_anew(self) -> None:
        """Reset in a forked child: the upload process belongs to the parent."""
        self._pass = None

    def _start(self, *arguments: str) -> None:
        self._started_at = time.monotonic()
        # Own process group: Ctrl-C in a terminal must stop only the service, which waits for this process. Not an own
        # session: Linux autogrouping would give it as much CPU as the whole service, regardless of its priority.
        self._pass = subprocess.Popen(
            [sys.executable, "-m", "monitoring.ship", *arguments],
            cwd=_ROOT,
            env={**os.environ, **self._environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            process_group=0,
        )

    def _finish(self, until: float) -> None:
        if self._pass is None:
            return
        try:
            output = self._pass.communicate(timeout=max(0.1, until - time.monotonic()))[0]
        except subprocess.TimeoutExpired:
            # Safe to kill: uploads are idempotent, and nothing is lost.
            self._pass.kill()
            output = self._pass.communicate()[0]
        self._hear(output)

    def _hear(self, output: bytes) -> None:
        code = self._pass.returncode if self._pass is not None else 0
        self._pass = None
        try:
            report: dict[str, Any] = json.loads(output)
        except ValueError:
            report = {"error": f"`python -m monitoring.ship` ended with {code}", "sent": {}, "spooled": {}}
            self._queue.note(failed=True)
        for outcome in ("sent", "spooled"):
            for kind, rows in report[outcome].items():
                self._on_count(kind, outcome, rows)
        if report["sent"]:
            self._sent_at = time.time()
        self._complain(report["error"])

    def _complain(self, problem: str) -> None:
        """Log a problem when it begins and when it ends."""
        if problem and not self._complaint:
            _logger.warning("the log cannot be uploaded and waits in %s: %s", self._queue.folder, problem)
        elif self._complaint and not problem:
            _logger.warning("the log is uploaded to the store again")
        self._complaint = problem


def _environment(log: LogSettings, ship: UploadSettings, store: StorageSettings) -> dict[str, str]:
    """Return the settings as environment variables; paths are absolute for the upload process's working folder."""
    environment = {
        f"{component.model_config['env_prefix']}{name}".upper(): str(value)
        for component in (log, ship, store)
        for name, value in component.model_dump().items()
        if value not in (None, "")
    }
    environment["CHATBOT_LOG_FOLDER"] = str(log.folder.absolute())
    if "://" not in store.url:
        environment["CHATBOT_STORE_URL"] = str(Path(store.url).absolute())
    return environment
