"""The second way of the log: what the drain has put into the CSV file goes to the store too, as Parquet parts.

    append -> segment in spool/ -> drain -> inference_log.csv
                                      |
                                      +--> to-store/ (outbox) -> python -m monitoring.ship -> store
                                           segments, batches      a process of its own        log/day=.../...parquet

The segment is renamed into the outbox in the same step that takes it out of the spool, so it is in the CSV file
and in the outbox, or in neither. From the outbox on `monitoring.ship` works, started here when enough rows wait or
the first has waited long enough. Wherever anything is killed, readers of the store see each row once: a part has
its name for good before it is sent for the first time, and is deleted here only after the store has it. A store
that is down is asked again now and then; the outbox is bounded, and the oldest rows go first and are counted.
Several workers share one outbox; whichever drains, tends it.
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

from chatbot.settings import LogSettings, ShipSettings, StorageSettings
from monitoring.outbox import Outbox, due

__all__ = ["Shipper"]

MEGABYTE = 1_000_000
_ROOT = Path(__file__).resolve().parent.parent

_logger = logging.getLogger(__name__)


class Shipper:
    """Takes segments from the drain and has them sent. One a process; only `take` may raise."""

    def __init__(
        self,
        log: LogSettings,
        settings: ShipSettings,
        store: StorageSettings,
        on_count: Callable[[str, str, int], None] | None = None,
        on_state: Callable[[int, float], None] | None = None,
    ) -> None:
        """Touches nothing yet.

        Args:
            log: whose rows.
            settings: how large parts become, how much may wait.
            store: where they go.
            on_count: told what became of rows: kind (`inference_log`, `feedback`), "sent", "spooled" (the
                store did not take them when they were due) or "dropped" (too many wait), and how many.
            on_state: told how many rows wait, and when the store last took some (seconds since 1970; 0:
                not since this process began).
        """
        self._outbox = Outbox(log.folder.absolute())
        self._settings = settings
        self._environment = _environment(log, settings, store)
        self._on_count = on_count
        self._on_state = on_state
        self._sent_at = 0.0
        self._complaint = ""
        self._pass: subprocess.Popen[bytes] | None = None

    def take(self, segment: Path) -> None:
        """Take a segment that is in the CSV file out of the spool.

        Raises:
            OSError: it stays there.
        """
        self._outbox.take(segment)

    def tend(self, alone: bool = True) -> None:
        """Start a process that sends, if something is due; drop what is too much. About every second.

        Args:
            alone: whether nobody else does it now; else this only hears what its own process has done.
        """
        try:
            self._collect()
            if alone:
                self._tend()
        except OSError as error:
            self._complain(str(error))

    def _tend(self) -> None:
        waiting = self._outbox.look()
        for kind, rows in self._outbox.trim(self._settings.spool_mb * MEGABYTE).items():
            self._count(kind, "dropped", rows)
        if self._on_state is not None:
            self._on_state(sum(one.rows for one in waiting), self._sent_at)
        unsent = any(one.batch is not None for one in waiting)
        if not unsent and not due(waiting, self._settings, time.time()):
            return
        if self._pass is None and not self._outbox.is_patient(self._settings.retry_seconds):
            with self._outbox.lock() as free:
                if not free:
                    return
            self._start()

    def _collect(self) -> None:
        """Hear what the process that sends has done, if it has ended."""
        if self._pass is not None and self._pass.poll() is not None:
            self._hear(self._pass.communicate()[0])

    def close(self) -> None:
        """Send what there is, within the time that the settings give; the rest waits for the next start."""
        until = time.monotonic() + self._settings.close_seconds
        try:
            self._finish(until)
            if self._outbox.look():
                self._start("--all", f"--wait={self._settings.close_seconds:g}")
                self._finish(until)
        except OSError as error:
            self._complain(str(error))

    def start_anew(self) -> None:
        """In a forked child: the process that sends is the parent's."""
        self._pass = None

    def _start(self, *arguments: str) -> None:
        # In a process group of its own: Ctrl-C in a terminal is for the service, which waits for this one. Not in a
        # session of its own: there Linux would give it as much of a core as the whole service, whatever its priority.
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
            # Killing it loses nothing and doubles nothing.
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
            self._outbox.note(failed=True)
        for outcome in ("sent", "spooled"):
            for kind, rows in report[outcome].items():
                self._count(kind, outcome, rows)
        if report["sent"]:
            self._sent_at = time.time()
        self._complain(report["error"])

    def _complain(self, problem: str) -> None:
        """Log a problem when it begins and when it is over."""
        if problem and not self._complaint:
            _logger.warning("the log waits in %s and cannot be sent: %s", self._outbox.folder, problem)
        elif self._complaint and not problem:
            _logger.warning("the log is sent to the store again")
        self._complaint = problem

    def _count(self, kind: str, outcome: str, rows: int) -> None:
        if self._on_count is not None:
            self._on_count(kind, outcome, rows)


def _environment(log: LogSettings, ship: ShipSettings, store: StorageSettings) -> dict[str, str]:
    """These settings as variables; the process that sends works in another folder."""
    told = {
        f"{component.model_config['env_prefix']}{name}".upper(): str(value)
        for component in (log, ship, store)
        for name, value in component.model_dump().items()
        if value not in (None, "")
    }
    told["CHATBOT_LOG_FOLDER"] = str(log.folder.absolute())
    if "://" not in store.url:
        told["CHATBOT_STORE_URL"] = str(Path(store.url).absolute())
    return told
