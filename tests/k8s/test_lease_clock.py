"""One at a time holds a Lease, whatever the clocks say and whatever is away; against `memory_api`."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.settings import KubernetesSettings
from k8s.api.client import Cluster, ClusterError, Forbidden
from k8s.api.lease import Lease, LeaseHeld, LeaseLost
from tests.k8s.harness import on_first, prepare_environment
from tests.k8s.memory_api import Call, ErrorResponse, Process, World

NAME = "support-chatbot-trigger"
SECONDS = 6.0


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepare_environment(monkeypatch, tmp_path)


def create_lease(process: Process, wait: float = 0.0) -> Lease:
    return Lease(Cluster(KubernetesSettings(), process), NAME, SECONDS, wait)


def is_write(call: Call) -> bool:
    return call.is_write


def test_a_living_holder_keeps_it_however_long_another_waits() -> None:
    world = World()
    holder = world.process()
    with create_lease(holder) as lease:
        began = world.clock.seconds
        with (
            pytest.raises(LeaseHeld, match=f"held by {holder.holder}, who is alive"),
            create_lease(world.process(), 60),
        ):
            pass
        assert 60 <= world.clock.seconds - began < 65
        lease.check()
        assert world.holder(NAME) == holder.holder
    assert world.holder(NAME) == "", "it is given back"


def test_it_is_the_next_ones_as_soon_as_its_holder_is_done() -> None:
    world = World()
    with create_lease(world.process()):
        pass
    began = world.clock.seconds
    with create_lease(world.process()):
        assert world.clock.seconds == began
    assert world.api.get("leases", NAME)["spec"]["leaseTransitions"] == 2


@pytest.mark.parametrize("skew", [-86_400.0, 0.0, 86_400.0])
def test_a_dead_holders_is_taken_over_after_its_whole_time_whatever_its_clock_said(skew: float) -> None:
    world = World()
    crashed = world.process(skew)
    create_lease(crashed).__enter__()
    crashed.is_dead = True
    began = world.clock.seconds
    successor = world.process()
    with create_lease(successor):
        assert SECONDS <= world.clock.seconds - began <= SECONDS + 1
        assert world.holder(NAME) == successor.holder
    assert world.api.get("leases", NAME)["spec"]["leaseTransitions"] == 2


@pytest.mark.parametrize("skew", [-86_400.0, 86_400.0])
def test_a_clock_that_is_wrong_takes_nothing_from_a_living_holder(skew: float) -> None:
    world = World()
    with create_lease(world.process(skew)), pytest.raises(LeaseHeld), create_lease(world.process(), 20):
        pass


def test_the_time_that_counts_is_the_one_its_holder_wrote_down() -> None:
    world = World()
    spec = {"holderIdentity": "another release", "leaseDurationSeconds": 40, "renewTime": "x"}
    world.api.patch("leases", NAME, {"spec": spec})
    began = world.clock.seconds
    with create_lease(world.process()):
        assert world.clock.seconds - began >= 40


def test_of_two_heirs_one_gets_it() -> None:
    world = World()
    first, second = world.process(), world.process()
    held: list[Lease] = []
    first.before.append(on_first(is_write, lambda: held.append(create_lease(second).__enter__())))
    with pytest.raises(LeaseHeld, match=second.holder), create_lease(first, 10):
        pass
    held[0].check()
    assert world.holder(NAME) == second.holder


def test_a_holder_whose_lease_was_taken_stops_and_does_not_give_back_what_is_anothers() -> None:
    world = World()
    with create_lease(world.process()) as lease:
        world.api.patch("leases", NAME, {"spec": {"holderIdentity": "usurper"}})
        lease.check()
        world.clock.advance(SECONDS / 3 + 0.1)
        with pytest.raises(LeaseLost, match="usurper holds it"):
            lease.check()
    assert world.holder(NAME) == "usurper"


def test_a_holder_that_stood_still_for_its_time_stops_before_it_asks_anybody() -> None:
    world = World()
    process = world.process()
    with create_lease(process) as lease:
        process.is_suspended = True
        world.clock.advance(SECONDS + 0.1)
        with pytest.raises(LeaseLost, match="it was not renewed in time"):
            lease.check()


@pytest.mark.parametrize(("outage_seconds", "is_kept"), [(SECONDS / 2, True), (SECONDS * 2, False)])
def test_an_api_server_that_is_away_costs_the_lease_only_after_its_time(
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
        process.before.append(refuse)  # what cannot be given back runs out by itself
    assert world.holder(NAME) == process.holder


def test_a_renewal_whose_time_somebody_else_changed_is_tried_again() -> None:
    world = World()
    process = world.process()
    with create_lease(process) as lease:
        process.before.append(on_first(is_write, lambda: world.touch("leases", NAME)))
        world.clock.advance(SECONDS * 3)
        lease.check()
        assert world.holder(NAME) == process.holder


def test_an_api_server_that_is_away_at_first_is_waited_for_as_long_as_a_living_holder() -> None:
    world = World()

    def refuse(call: Call) -> None:
        if world.clock.seconds < 110:
            raise OSError("refused")

    patient, impatient = world.process(), world.process()
    patient.before.append(refuse)
    impatient.before.append(refuse)
    began = world.clock.seconds
    with pytest.raises(ClusterError, match="does not answer"), create_lease(impatient, 5):
        pass
    assert 5 <= world.clock.seconds - began <= 7
    with create_lease(patient, 20) as lease:
        lease.check()


def test_a_missing_lease_says_who_makes_it() -> None:
    world = World()
    world.api.delete("leases", NAME)
    with pytest.raises(ClusterError, match="The chart makes it"), create_lease(world.process()):
        pass


@pytest.mark.parametrize("verb", ["get", "update"])
def test_an_account_without_the_right_is_told_which_one_it_needs(verb: str) -> None:
    world = World()
    world.api.denied.add((verb, "leases"))
    with (
        pytest.raises(Forbidden, match=f'cannot {verb} resource "leases".*kubernetes.md'),
        create_lease(world.process()),
    ):
        pass
