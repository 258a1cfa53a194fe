"""Deliver documents at-least-once from a folder (outbox) to one target.

Each document is a file, created by an atomic write and deleted only after its delivery, so a killed process loses
none. A process killed between delivery and deletion causes a second delivery under the same name, which is the
idempotency key. Failed deliveries are retried by exponential backoff with jitter; a target that refuses everything is
paused as a whole (circuit breaker). Of all processes that share the folder, the one that holds the lock delivers; the
kernel releases the lock when that process dies, and another one takes over. A document's age is the time for which such
a process has seen it, by the monotonic clock, so that no jump of the system clock makes it old; the file `.ages`
carries ages over a restart.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from chatbot.files import write_file
from chatbot.settings import HandoffSettings
from monitoring.inference_log.spool import try_lock

MEGABYTE = 1_000_000
LOCK = ".lock"
AGES = ".ages"
SUFFIX = ".json"
POLL_SECONDS = 0.5
AGES_SECONDS = 60.0
"""Interval at which the ages are written: the time by which a killed process makes documents younger."""

_logger = logging.getLogger(__name__)


class NotDelivered(Exception):
    """The target did not accept a document; the delivery is retried.

    Args:
        reason: reason for the application log; contains nothing of the document.
        everything: whether the target currently accepts no other document either.
        wait: seconds the receiver asks to wait (Retry-After).
    """

    def __init__(self, reason: str, *, everything: bool, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.everything = everything
        self.wait = wait


class Target(Protocol):
    """Receiver of documents."""

    def send(self, name: str, body: bytes) -> None:
        """Deliver one document or raise `NotDelivered`. Must be idempotent for the same name."""

    def close(self) -> None:
        """Close the connection."""


@runtime_checkable
class BatchTarget(Target, Protocol):
    """Receiver on this machine, which takes many documents in less time than files of a queue take."""

    def send_all(self, documents: Mapping[str, bytes]) -> None:
        """Deliver documents by name or raise `NotDelivered`. Must be idempotent for the same name."""


OnCount = Callable[[str, str, int], None]
"""Callback: target name, outcome ("delivered", "failed", "dropped"), number of documents."""


class Delivery:
    """Delivers the documents of a folder to one target, in its own thread, at least once."""

    def __init__(
        self,
        name: str,
        folder: Path,
        target: Target,
        settings: HandoffSettings,
        on_count: OnCount,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Configure the delivery of a folder's files, `<prediction id>.json`; touches no file.

        Args:
            name: name of the target, for metrics and the application log.
            clock: monotonic clock in seconds that ages documents.
        """
        self.name = name
        self._folder = folder
        self._target = target
        self._settings = settings
        self._on_count = on_count
        self._clock = clock
        self._ages: dict[str, float] = {}
        self._aged_at = self._saved_at = 0.0
        self._lock = -1
        self._failures: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._down = 0
        self._pause = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def put_all(self, documents: Mapping[str, bytes]) -> None:
        """Enqueue documents by name, each by an atomic write; deliver them at once if the target takes batches.

        Idempotent for the same names and bodies.

        Raises: OSError: a file cannot be written.
        """
        if isinstance(self._target, BatchTarget):
            try:
                self._target.send_all(documents)
            except NotDelivered:
                pass  # `deliver` tries each, and reports
            else:
                self._on_count(self.name, "delivered", len(documents))
                return
        for name, body in documents.items():
            write_file(self._folder / f"{name}{SUFFIX}", body, sync=False)

    def waiting(self) -> list[Path]:
        """Return the undelivered files, oldest first."""
        try:
            names = os.listdir(self._folder)  # noqa: PTH208  # names are all that is needed, twice a second
        except FileNotFoundError:
            return []
        return [self._folder / n for n in sorted(names) if n.endswith(SUFFIX) and not n.startswith(".")]

    def oldest_seconds(self) -> float:
        """Return the age of the oldest undelivered document; 0 in a process that does not deliver."""
        ages = self._ages
        return max((ages.get(file.stem, 0.0) for file in self.waiting()), default=0.0)

    def start(self) -> None:
        """Start the delivery thread; idempotent."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name=f"handoffs-{self.name}", daemon=True)
            self._thread.start()

    def close(self, seconds: float) -> None:
        """Deliver due documents for at most `seconds`, then release the lock to other processes; idempotent."""
        if self._closed:
            return
        self._stop.set()
        if self._thread is not None:
            self._thread.join(seconds)
            if self._thread.is_alive():  # slow receiver: the document stays for the next process
                return
            self._thread = None
        self.deliver(time.monotonic() + seconds)
        self._closed = True
        self._target.close()
        if self._lock >= 0:
            self._save_ages()
            os.close(self._lock)
            self._lock = -1

    def deliver(self, until: float | None = None) -> None:
        """Deliver all due documents, unless another process holds the lock.

        Args: until: deadline by `time.monotonic`; by default, stop when `close` is called.
        """
        files = self.waiting()
        if files and self._lead():
            files = self._drop(files)
            for file in sorted(files, key=lambda file: (self._failures.get(file.stem, 0), file.name)):
                now = time.monotonic()
                if now < self._pause or (self._stop.is_set() if until is None else now >= until):
                    break
                if now >= self._due.get(file.stem, 0.0):
                    self._try(file)

    def _try(self, file: Path) -> None:
        name = file.stem
        try:
            self._target.send(name, file.read_bytes())
        except FileNotFoundError:  # the folder was cleared
            return
        except NotDelivered as error:
            self._fail(name, error)
            return
        except (OSError, ValueError) as error:  # a fault of this file; a value may be personal data
            reason = str(error.strerror) if isinstance(error, OSError) else type(error).__name__
            self._fail(name, NotDelivered(reason, everything=False))
            return
        self._on_count(self.name, "delivered", 1)
        if self._down or name in self._failures:
            _logger.warning("the %s accepts handoffs again", self.name)
        self._down = 0
        self._forget(name)
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            self._due[name] = time.monotonic() + self._settings.max_backoff_seconds
            _logger.warning(
                "a handoff (%s) was delivered to the %s and cannot be deleted, so it is delivered again: %s",
                name,
                self.name,
                error.strerror,
            )

    def _fail(self, name: str, error: NotDelivered) -> None:
        self._on_count(self.name, "failed", 1)
        self._failures[name] = self._failures.get(name, 0) + 1
        self._due[name] = time.monotonic() + max(error.wait, self._backoff(self._failures[name]))
        if error.everything:
            # Circuit breaker: the target refuses everything, so no document is tried until the pause is over.
            self._down += 1
            self._pause = time.monotonic() + max(error.wait, self._backoff(self._down))
        if self._failures[name] == 1:
            _logger.warning("a handoff (%s) is not delivered to the %s: %s", name, self.name, error)

    def _backoff(self, failures: int) -> float:
        # Exponential backoff with jitter (50-100 %), so that simultaneous failures are not retried together.
        longest = min(
            self._settings.max_backoff_seconds, self._settings.retry_seconds * 2.0 ** min(failures - 1, 30)
        )
        return longest * random.uniform(0.5, 1.0)

    def _drop(self, files: list[Path]) -> list[Path]:
        """Drop expired files and, beyond the size limit, the oldest; return the remaining ones."""
        self._age(files)
        oldest, most_bytes = 3600 * self._settings.max_age_hours, self._settings.queue_mb * MEGABYTE
        sizes = {}
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                sizes[file] = file.stat().st_size
        total = sum(sizes.values())
        kept = []
        for file, size in sizes.items():
            if total > most_bytes or self._ages[file.stem] >= oldest:
                file.unlink(missing_ok=True)
                total -= size
                self._forget(file.stem)
                self._on_count(self.name, "dropped", 1)
                _logger.error(
                    "a handoff (%s) is dropped: it was never delivered to the %s", file.stem, self.name
                )
            else:
                kept.append(file)
        return kept

    def _age(self, files: list[Path]) -> None:
        """Add the time since the last call to the age of every document, and write the ages now and then."""
        now = self._clock()
        passed = now - self._aged_at
        self._ages = {f.stem: self._ages[f.stem] + passed if f.stem in self._ages else 0.0 for f in files}
        self._aged_at = now
        if now - self._saved_at >= AGES_SECONDS:
            self._save_ages()

    def _save_ages(self) -> None:
        self._saved_at = self._clock()
        with contextlib.suppress(OSError):  # on a full disk documents only become younger
            write_file(self._folder / AGES, json.dumps(self._ages), sync=False)

    def _load_ages(self) -> None:
        self._aged_at = self._saved_at = self._clock()
        try:
            ages = json.loads((self._folder / AGES).read_bytes())
            self._ages = {str(name): float(seconds) for name, seconds in ages.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            self._ages = {}

    def _forget(self, name: str) -> None:
        self._failures.pop(name, None)
        self._due.pop(name, None)

    def _lead(self) -> bool:
        """Return whether this process holds the delivery lock; it keeps the lock until `close` or its end."""
        if self._lock >= 0:
            return True
        descriptor = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        if not try_lock(descriptor):
            os.close(descriptor)
            return False
        self._lock = descriptor
        self._load_ages()
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.deliver()
            except Exception:
                _logger.exception("delivering handoffs to the %s failed; it is retried", self.name)
            self._stop.wait(POLL_SECONDS)
