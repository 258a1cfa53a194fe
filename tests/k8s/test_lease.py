"""Mutual exclusion by a Lease on a real API server: a dead holder's Lease is taken over, a live holder's is not."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from chatbot.errors import Denied
from chatbot.settings import KubernetesSettings
from chatbot.store.lease import LeaseHeld
from k8s.api.client import Cluster
from k8s.api.lease import KubernetesLease
from tests.k8s.kube_testbed import Namespace
from tests.support.testbed import until

pytestmark = pytest.mark.integration
NAME = "support-chatbot-trigger"
HOLD = """
import sys, time
from chatbot.errors import Denied
from chatbot.settings import KubernetesSettings
from k8s.api.client import Cluster
from k8s.api.lease import KubernetesLease
with KubernetesLease(Cluster(KubernetesSettings()), "support-chatbot-trigger", 3, 0, "another"):
    time.sleep(120)
"""


def connect(namespace: Namespace, account: str = "trigger", **settings: object) -> Cluster:
    named = {"kubeconfig": namespace.kubeconfig(account), "patience_seconds": 0.0, "request_seconds": 5.0}
    return Cluster(KubernetesSettings(**(named | settings)))


def holder(namespace: Namespace) -> str:
    return str((namespace.get("lease", NAME).get("spec") or {}).get("holderIdentity", ""))


def start_holder(namespace: Namespace, folder: Path) -> int:
    (folder / "hold.py").write_text(HOLD)
    process = namespace.start_file("trigger", folder / "hold.py")
    until("the holder", lambda: holder(namespace) == "another")
    return process.pid


def test_a_live_holder_keeps_the_lease_however_long_another_waits(
    namespace: Namespace, tmp_path: Path
) -> None:
    start_holder(namespace, tmp_path)
    started_at = time.monotonic()
    with (
        pytest.raises(LeaseHeld, match="held by another, who is alive"),
        KubernetesLease(connect(namespace), NAME, 3, 6),
    ):
        pass
    assert time.monotonic() - started_at > 6, "it was renewed twice and more, and waited for all the time"
    assert holder(namespace) == "another"


def test_the_lease_of_a_dead_holder_is_taken_over_only_after_it_expires(
    namespace: Namespace, tmp_path: Path
) -> None:
    os.kill(start_holder(namespace, tmp_path), signal.SIGKILL)
    started_at = time.monotonic()
    with KubernetesLease(connect(namespace), NAME, 3, 0, "heir"):
        assert time.monotonic() - started_at >= 3
        assert holder(namespace) == "heir"
        transitions = namespace.get("lease", NAME)["spec"]["leaseTransitions"]
    assert transitions == 2
    assert holder(namespace) == "", "it is given back at the end"


def test_a_missing_permission_is_named(namespace: Namespace) -> None:
    with pytest.raises(Denied) as error, KubernetesLease(connect(namespace, "promote"), NAME, 3, 0):
        pass
    output = str(error.value)
    assert 'cannot get resource "leases"' in output
    assert "docs/operations/kubernetes.md" in output
