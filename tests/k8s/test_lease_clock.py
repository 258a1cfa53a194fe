"""Mutual exclusion by a Lease under clock skew and outages; against `memory_api`."""

from __future__ import annotations

import pytest

from chatbot.errors import Denied, StoreError, Unreachable
from chatbot.settings import KubernetesSettings
from chatbot.store.lease import LeaseHeld, LeaseLost
from k8s.api.client import Cluster
from k8s.api.lease import KubernetesLease
from tests.k8s.harness import on_first
from tests.k8s.memory_api import Call, ErrorResponse, Process, World

NAME = "support-chatbot-trigger"
SECONDS = 6.0


pytestmark = pytest.mark.usefixtures("pod_environment")


def create_lease(process: Process, wait: float = 0.0) -> KubernetesLease:
    return KubernetesLease(Cluster(KubernetesSettings(), process), NAME, SECONDS, wait)


def is_write(call: Call) -> bool:
    return call.is_write


def test_a_live_holder_keeps_the_lease_however_long_another_waits() -> None:
    world = World()
    holder = world.process()
    with create_lease(holder) as lease:
        started_at = world.clock.seconds
        with (
            pytest.raises(LeaseHeld, match=f"held by {holder.holder}, who is alive"),
            create_lease(world.process(), 60),
        ):
            pass
        assert 60 <= world.clock.seconds - started_at < 65
        lease.check()
        assert world.holder(NAME) == holder.holder
    assert world.holder(NAME) == "", "it is given back"


def test_a_released_lease_is_acquired_at_once() -> None:
    world = World()
    with create_lease(world.process()):
        pass
    started_at = world.clock.seconds
    with create_lease(world.process()):
        assert world.clock.seconds == started_at
    assert world.api.get("leases", NAME)["spec"]["leaseTransitions"] == 2


@pytest.mark.parametrize("skew", [-86_400.0, 0.0, 86_400.0])
def test_the_lease_of_a_dead_holder_expires_after_its_duration_whatever_the_clock_skew(skew: float) -> None:
    world = World()
    crashed = world.process(skew)
    create_lease(crashed).__enter__()
    crashed.is_dead = True
    started_at = world.clock.seconds
    successor = world.process()
    with create_lease(successor):
        assert SECONDS <= world.clock.seconds - started_at <= SECONDS + 1
        assert world.holder(NAME) == successor.holder
    assert world.api.get("leases", NAME)["spec"]["leaseTransitions"] == 2


@pytest.mark.parametrize("skew", [-86_400.0, 86_400.0])
def test_clock_skew_takes_no_lease_from_a_live_holder(skew: float) -> None:
    world = World()
    with create_lease(world.process(skew)), pytest.raises(LeaseHeld), create_lease(world.process(), 20):
        pass


def test_the_duration_recorded_in_the_lease_counts() -> None:
    world = World()
    spec = {"holderIdentity": "another release", "leaseDurationSeconds": 40, "renewTime": "x"}
    world.api.patch("leases", NAME, {"spec": spec})
    started_at = world.clock.seconds
    with create_lease(world.process()):
        assert world.clock.seconds - started_at >= 40


def test_only_one_of_two_successors_acquires_the_lease() -> None:
    world = World()
    first, second = world.process(), world.process()
    held: list[KubernetesLease] = []
    first.before.append(on_first(is_write, lambda: held.append(create_lease(second).__enter__())))
    with pytest.raises(LeaseHeld, match=second.holder), create_lease(first, 10):
        pass
    held[0].check()
    assert world.holder(NAME) == second.holder


def test_a_holder_that_lost_its_lease_stops_and_does_not_release_it() -> None:
    world = World()
    with create_lease(world.process()) as lease:
        world.api.patch("leases", NAME, {"spec": {"holderIdentity": "usurper"}})
        lease.check()
        world.clock.advance(SECONDS / 3 + 0.1)
        with pytest.raises(LeaseLost, match="usurper holds it"):
            lease.check()
    assert world.holder(NAME) == "usurper"


def test_a_holder_suspended_past_the_expiry_stops_before_any_request() -> None:
    world = World()
    process = world.process()
    with create_lease(process) as lease:
        process.is_suspended = True
        world.clock.advance(SECONDS + 0.1)
        with pytest.raises(LeaseLost, match="it was not renewed in time"):
            lease.check()


@pytest.mark.parametrize(("outage_seconds", "is_kept"), [(SECONDS / 2, True), (SECONDS * 2, False)])
def test_an_api_server_outage_loses_the_lease_only_after_its_duration(
    outage_seconds: float, is_kept: bool
) -> None:
    world = World()
    process = world.process()

    def refuse(call: Call) -> None:
        raise ErrorResponse(503)

    with create_lease(process) as lease:
        process.before.append(refuse)
        world.clock.advance(outage_seconds)
        process.before.clear()
        world.clock.advance(SECONDS / 3)
        if is_kept:
            lease.check()
        else:
            with pytest.raises(LeaseLost):
                lease.check()
        process.before.append(refuse)  # a Lease that cannot be released expires
    assert world.holder(NAME) == process.holder


def test_a_renewal_with_a_conflict_is_retried() -> None:
    world = World()
    process = world.process()
    with create_lease(process) as lease:
        process.before.append(on_first(is_write, lambda: world.touch("leases", NAME)))
        world.clock.advance(SECONDS * 3)
        lease.check()
        assert world.holder(NAME) == process.holder


def test_an_api_server_outage_during_acquisition_is_waited_for() -> None:
    world = World()

    def refuse(call: Call) -> None:
        if world.clock.seconds < 110:
            raise OSError("refused")

    patient, impatient = world.process(), world.process()
    patient.before.append(refuse)
    impatient.before.append(refuse)
    started_at = world.clock.seconds
    with pytest.raises(Unreachable, match="does not answer"), create_lease(impatient, 5):
        pass
    assert 5 <= world.clock.seconds - started_at <= 7
    with create_lease(patient, 20) as lease:
        lease.check()


def test_a_missing_lease_is_reported_with_a_remedy() -> None:
    world = World()
    world.api.delete("leases", NAME)
    with pytest.raises(StoreError, match="The chart makes it"), create_lease(world.process()):
        pass


@pytest.mark.parametrize("verb", ["get", "update"])
def test_a_missing_permission_is_named(verb: str) -> None:
    world = World()
    world.api.denied.add((verb, "leases"))
    with (
        pytest.raises(Denied, match=f'cannot {verb} resource "leases".*kubernetes.md'),
        create_lease(world.process()),
    ):
        pass
