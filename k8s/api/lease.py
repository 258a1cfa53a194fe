"""A Lease: of all who want it, in whatever pod, one at a time holds it.

As client-go's leader election does it: what counts is not the time that stands in the Lease (clocks differ) but
how long this process has seen it unchanged. The Lease is there before (the chart makes it, empty), so that its
account needs no right to create one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import TracebackType

from chatbot.errors import ChatbotError
from k8s.api.client import Cluster, ClusterError, Conflict, Json, NotFound, Unavailable

_RENEWALS = 3
"""How often a holder renews within the Lease's time."""


class LeaseHeld(ChatbotError):
    """Somebody else holds the Lease, and is alive."""

    status = 409
    type = "held"


class LeaseLost(ChatbotError):
    """The Lease was not renewed in time: somebody else may hold it."""

    status = 409
    type = "lost"


class Lease:
    """`with Lease(...) as lease:` holds and renews it; `lease.check()` before whatever only the holder may do."""

    def __init__(self, cluster: Cluster, name: str, seconds: float, wait: float, holder: str = "") -> None:
        """Asks nothing yet.

        Args:
            cluster: where it lies.
            name: the Lease's.
            seconds: one that was not renewed for so long is taken over.
            wait: how long to wait for a holder who is alive.
            holder: who we are; empty: this pod (or machine) and process.
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
        """Take it, now or when its holder is done or gone.

        Raises:
            Held: its holder is alive, and did not finish within `wait`.
            ClusterError: the API server refuses, or there is no such Lease.
        """
        self._acquire()
        self._stop = self._runtime.run_periodically(
            self._seconds / _RENEWALS, self._renew, f"lease {self._name}"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back, so that nobody has to wait for its end."""
        if self._stop is not None:
            self._stop()
        try:
            lease = self._cluster.lease(self._name)
            if lease.get("spec", {}).get("holderIdentity") == self.holder:
                lease["spec"]["holderIdentity"] = ""
                self._cluster.update_lease(lease)
        except ClusterError:
            return  # it runs out by itself

    def check(self) -> None:
        """Raises: Lost: it could not be renewed, and may be another's by now."""
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
                except Unavailable:  # or it was done, and the answer was lost: the next reading says so
                    if self._runtime.monotonic() - started > self._wait:
                        raise
                    self._runtime.sleep(min(1.0, self._seconds / 10))
                    continue
            # One that stands still may be a dead one's: that is known only after its whole time.
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
        """Returns: whether it may still be ours."""
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
    """As the API server reads a time with microseconds: always six digits of them."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
