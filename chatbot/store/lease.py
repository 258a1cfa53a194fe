"""Lease: mutual exclusion with expiry and renewal, by compare-and-swap; and its implementation in the object store.

The rules are those of Kubernetes' leader election. A lease is free, or held by one process, which renews it three times
per lease duration. Clocks of different machines are not compared: another process takes the lease over only after it
has seen it unchanged for the whole duration, by its own monotonic clock. The holder itself stops after the duration
without a successful renewal. So a process that is killed blocks others for one duration, and two never hold the lease
at once.
"""

from __future__ import annotations

import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from chatbot.errors import ChatbotError, Conflict, StoreError, Unreachable
from chatbot.runtime import REAL, Runtime
from chatbot.store.interface import Store
from chatbot.store.reading import get_versioned

_RENEWALS = 3
"""Renewals per lease duration."""


class LeaseHeld(ChatbotError):
    """Another live process holds the lease."""

    status = 409
    type = "lease_held"


class LeaseLost(ChatbotError):
    """The lease was not renewed in time; another process may hold it."""

    status = 409
    type = "lease_lost"


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """A lease as it is stored.

    Attributes:
        holder: identity of the holder; empty: the lease is free.
        renewal: differs after every renewal and every change of the holder.
        seconds: lease duration that the holder recorded; 0: none.
        version: what a compare-and-swap needs of the stored object.
    """

    holder: str
    renewal: object
    seconds: float
    version: Any


class Lease(ABC):
    """Acquires, renews and releases a lease: `with lease:`.

    Call `lease.check()` before every operation that only the holder may perform.
    """

    def __init__(self, name: str, seconds: float, wait: float, holder: str, runtime: Runtime) -> None:
        """Configure the lease; sends no request.

        Args:
            seconds: lease duration; a lease not renewed for this long is taken over.
            wait: how long to wait for a live holder.
        """
        self.name = name
        self.holder = holder
        self._seconds = seconds
        self._wait = wait
        self._runtime = runtime
        self._renewed = 0.0
        self._lost = ""
        self._stop: Callable[[], None] | None = None

    def __enter__(self) -> Self:
        """Acquire the lease as soon as it is free or expired.

        Raises:
            LeaseHeld: a live process still holds it after `wait` seconds.
            ChatbotError: the lease cannot be read or written.
        """
        self._acquire()
        self._stop = self._runtime.run_periodically(
            self._seconds / _RENEWALS, self._renew, f"lease {self.name}"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop renewing and release the lease, so that the next process need not wait for its expiry."""
        if self._stop is not None:
            self._stop()
        try:
            record = self._read()
            if record.holder == self.holder:
                self._write(record, "")
        except StoreError:
            return  # the lease expires

    def check(self) -> None:
        """Raises: LeaseLost: the lease was not renewed in time or has another holder."""
        if not self._lost and self._runtime.monotonic() - self._renewed > self._seconds:
            self._lost = "it was not renewed in time"
        if self._lost:
            raise LeaseLost(
                f"the lease {self.name} is lost: {self._lost}. Whoever holds it resumes the work; run this again"
            )

    @abstractmethod
    def _read(self) -> LeaseRecord:
        """Return the stored lease.

        Raises: StoreError: it cannot be read; `Unreachable`: a retry may succeed.
        """

    @abstractmethod
    def _write(self, record: LeaseRecord, holder: str) -> None:
        """Renew the lease for a holder (empty: release it) if it is unchanged since `record` was read.

        Raises:
            Conflict: it changed.
            Unreachable: the write may have been applied.
        """

    def _acquire(self) -> None:
        started = observed_since = self._runtime.monotonic()
        observed: LeaseRecord | None = None
        is_alive = False
        while True:
            record = self._read_until(started + self._wait)
            if observed is None or (record.holder, record.renewal) != (observed.holder, observed.renewal):
                is_alive = observed is not None
                observed, observed_since = record, self._runtime.monotonic()
            is_expired = self._runtime.monotonic() - observed_since >= (record.seconds or self._seconds)
            if record.holder in ("", self.holder) or is_expired:
                try:
                    return self._take(record)
                except Conflict:
                    continue
                except Unreachable:  # the write may have been applied: the next read shows it
                    if self._runtime.monotonic() - started > self._wait:
                        raise
            # An unchanged lease may belong to a dead holder: known only after its whole duration.
            elif is_alive and self._runtime.monotonic() - started > self._wait:
                raise LeaseHeld(f"{self.name} is held by {record.holder}, who is alive: one at a time")
            self._runtime.sleep(min(1.0, self._seconds / 10))

    def _read_until(self, until: float) -> LeaseRecord:
        while True:
            try:
                return self._read()
            except Unreachable:
                if self._runtime.monotonic() > until:
                    raise
            self._runtime.sleep(1.0)

    def _take(self, record: LeaseRecord) -> None:
        requested_at = self._runtime.monotonic()
        self._write(record, self.holder)
        self._renewed = requested_at

    def _renew(self) -> bool:
        """Returns: whether this process may still hold the lease."""
        try:
            record = self._read()
            if record.holder != self.holder:
                self._lost = f"{record.holder or 'nobody'} holds it"
                return False
            self._take(record)
        except StoreError:
            if self._runtime.monotonic() - self._renewed > self._seconds:
                self._lost = "it could not be renewed in time"
                return False
        return True


class StoreLease(Lease):
    """Lease in the object store: one small object, written by compare-and-swap on its ETag."""

    def __init__(
        self, store: Store, key: str, seconds: float, wait: float = 0.0, runtime: Runtime = REAL
    ) -> None:
        """Configure the lease; sends no request. Two leases exclude each other within a process too.

        Args:
            key: store key of the lease; the object is created if it is missing.
            seconds: lease duration.
            wait: how long to wait for a live holder.
        """
        super().__init__(key, seconds, wait, f"{runtime.holder}-{secrets.token_hex(4)}", runtime)
        self._store = store
        self._renewals = 0

    def _read(self) -> LeaseRecord:
        if (found := get_versioned(self._store, self.name)) is None:
            return LeaseRecord("", "", 0.0, "")
        content, etag = found
        try:
            lease = json.loads(content)
            return LeaseRecord(str(lease["holder"]), etag, float(lease["seconds"]), etag)
        except (ValueError, KeyError, TypeError):
            return LeaseRecord("an unknown process", etag, 0.0, etag)

    def _write(self, record: LeaseRecord, holder: str) -> None:
        self._renewals += 1
        content = {
            "holder": holder,
            "seconds": self._seconds,
            "renewal": f"{self.holder} {self._renewals}",
            "renewed": f"{self._runtime.now():%Y-%m-%dT%H:%M:%SZ}",
        }
        self._store.put(self.name, json.dumps(content).encode(), new=not record.version, etag=record.version)
