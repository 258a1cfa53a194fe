"""Exclude others (leader election) by a Kubernetes Lease (`coordination.k8s.io`): the rules of `chatbot.store.lease`.

The chart creates the Lease empty, so that the account needs no permission to create one.
"""

from __future__ import annotations

from chatbot.errors import Missing
from chatbot.store.lease import Lease, LeaseRecord
from k8s.api.client import Cluster, ClusterError


class KubernetesLease(Lease):
    """Lease of a namespace, written by compare-and-swap on its resourceVersion."""

    def __init__(self, cluster: Cluster, name: str, seconds: float, wait: float, holder: str = "") -> None:
        """Configure the Lease; sends no request.

        Args: holder: identity of this process; empty: pod (or machine) name and process id.
        """
        super().__init__(
            f"lease/{name}", seconds, wait, holder or cluster.runtime.holder, runtime=cluster.runtime
        )
        self._cluster = cluster
        self._resource = name

    def _read(self) -> LeaseRecord:
        try:
            lease = self._cluster.get("leases", self._resource, retry_seconds=0)
        except Missing as error:
            raise ClusterError(
                f"{error}. The chart makes it, empty; `kubectl create -f` one with this name and no spec"
            ) from error
        spec = lease.get("spec") or {}
        return LeaseRecord(
            holder=spec.get("holderIdentity") or "",
            renewal=(spec.get("renewTime"), spec.get("leaseTransitions")),
            seconds=spec.get("leaseDurationSeconds") or 0.0,
            version=lease,
        )

    def _write(self, record: LeaseRecord, holder: str) -> None:
        spec = dict(record.version.get("spec") or {})
        if holder:
            # The API server's MicroTime always has six fractional digits.
            now = f"{self._runtime.now():%Y-%m-%dT%H:%M:%S.%fZ}"
            if record.holder != holder:
                spec["leaseTransitions"] = (spec.get("leaseTransitions") or 0) + 1
                spec["acquireTime"] = now
            spec |= {"leaseDurationSeconds": max(1, round(self._seconds)), "renewTime": now}
        spec["holderIdentity"] = holder
        self._cluster.replace("leases", record.version | {"spec": spec}, retry_seconds=0)
