"""Mutual exclusion through a Kubernetes Lease: at most one process holds it at a time.

Expiry follows client-go's leader election. Clocks differ between machines, so the timestamps in the Lease are not
compared; a Lease is expired once this process has seen it unchanged for its whole duration. The chart creates the
Lease empty, so that the account needs no permission to create one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import TracebackType

from chatbot.errors import ChatbotError
from k8s.api.client import Cluster, ClusterError, Conflict, Json, NotFound, Unavailable

_RENEWALS = 3
"""Renewals per lease duration."""


class LeaseHeld(ChatbotError):
    """Another live process holds the Lease."""

    status = 409
    type = "held"


class LeaseLost(ChatbotError):
    """The Lease was not renewed in time; another process may hold it."""

    status = 409
    type = "lost"


class Lease:
    """Acquires, renews and releases a Lease: `with Lease(...) as lease:`.

    Call `lease.check()` before every operation that only the holder may perform.
    """

    def __init__(self, cluster: Cluster, name: str, seconds: float, wait: float, holder: str = "") -> None:
        """Configure the Lease; sends no request.

        Args:
            cluster: client for the namespace that contains the Lease.
            name: name of the Lease.
            seconds: lease duration; a Lease not renewed for this long is taken over.
            wait: how long to wait for a live holder.
            holder: identity of this process; empty: pod (or machine) name and process id.
        """
        self._cluster = cluster
        self._runtime = cluster.runtime
        self._name = name
        self._seconds = seconds
        self._wait = wait
        self.holder = holder or cluster.runtime.holder
        self._renewed = 0.0
        self._lost = ""
        self._stop: Callable[[], None] | None = None

    def __enter__(self) -> Lease:
        """Acquire the Lease as soon as it is free or expired.

        Raises:
            LeaseHeld: a live process still holds it after `wait` seconds.
            ClusterError: the API server refuses, or the Lease does not exist.
        """
        self._acquire()
        self._stop = self._runtime.run_periodically(
            self._seconds / _RENEWALS, self._renew, f"lease {self._name}"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop renewing and release the Lease, so that the next process need not wait for its expiry."""
        if self._stop is not None:
            self._stop()
        try:
            lease = self._cluster.lease(self._name)
            if lease.get("spec", {}).get("holderIdentity") == self.holder:
                lease["spec"]["holderIdentity"] = ""
                self._cluster.update_lease(lease)
        except ClusterError:
            return  # the Lease expires

    def check(self) -> None:
        """Raises: LeaseLost: the Lease was not renewed in time or has another holder."""
        if not self._lost and self._runtime.monotonic() - self._renewed > self._seconds:
            self._lost = "it was not renewed in time"
        if self._lost:
            raise LeaseLost(
                f"lease/{self._name}: {self._lost}. What was begun is gone on with by whoever holds it"
            )

    def _acquire(self) -> None:
        started = observed_since = self._runtime.monotonic()
        observed: object = None
        is_alive = False
        while True:
            lease = self._read()
            spec = lease.get("spec") or {}
            holder = spec.get("holderIdentity") or ""
            current = (holder, spec.get("renewTime"), spec.get("leaseTransitions"))
            if current != observed:
                is_alive = observed is not None
                observed, observed_since = current, self._runtime.monotonic()
            is_expired = self._runtime.monotonic() - observed_since >= (
                spec.get("leaseDurationSeconds") or self._seconds
            )
            if holder in ("", self.holder) or is_expired:
                try:
                    return self._take(lease, holder)
                except Conflict:
                    continue
                except Unavailable:  # the update may have been applied: the next read shows it
                    if self._runtime.monotonic() - started > self._wait:
                        raise
                    self._runtime.sleep(min(1.0, self._seconds / 10))
                    continue
            # An unchanged Lease may belong to a dead holder: known only after its whole duration.
            if is_alive and self._runtime.monotonic() - started > self._wait:
                raise LeaseHeld(f"lease/{self._name} is held by {holder}, who is alive: one at a time")
            self._runtime.sleep(min(1.0, self._seconds / 10))

    def _read(self) -> Json:
        until = self._runtime.monotonic() + self._wait
        while True:
            try:
                return self._cluster.lease(self._name)
            except NotFound as error:
                raise ClusterError(
                    f"{error}. The chart makes it, empty; `kubectl create -f` one with this name and no spec"
                ) from error
            except Unavailable:
                if self._runtime.monotonic() > until:
                    raise
            self._runtime.sleep(1.0)

    def _take(self, lease: Json, previous_holder: str) -> None:
        requested_at = self._runtime.monotonic()
        now = _micro_time(self._runtime.now())
        spec = dict(lease.get("spec") or {})
        if previous_holder != self.holder:
            spec["leaseTransitions"] = (spec.get("leaseTransitions") or 0) + 1
            spec["acquireTime"] = now
        spec |= {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": max(1, round(self._seconds)),
            "renewTime": now,
        }
        self._cluster.update_lease(lease | {"spec": spec})
        self._renewed = requested_at

    def _renew(self) -> bool:
        """Returns: whether this process may still hold the Lease."""
        try:
            lease = self._cluster.lease(self._name)
            holder = (lease.get("spec") or {}).get("holderIdentity")
            if holder != self.holder:
                self._lost = f"{holder or 'nobody'} holds it"
                return False
            self._take(lease, self.holder)
        except ClusterError:
            if self._runtime.monotonic() - self._renewed > self._seconds:
                self._lost = "the API server did not answer in time to renew it"
                return False
        return True


def _micro_time(when: datetime) -> str:
    """Format a time as the API server's MicroTime: always six fractional digits."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
