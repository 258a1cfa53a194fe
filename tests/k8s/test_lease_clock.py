"""One at a time holds a Lease, whatever the clocks say and whatever is away; against `memory_api`."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.settings import KubernetesSettings
from k8s.api.client import Cluster, ClusterError, Forbidden
from k8s.api.lease import Held, Lease, Lost
from tests.k8s.in_memory import once, prepare
from tests.k8s.memory_api import Call, Process, Refusal, World

NAME = "support-chatbot-trigger"
SECONDS = 6.0


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepare(monkeypatch, tmp_path)


def lease_of(process: Process, wait: float = 0.0) -> Lease:
    return Lease(Cluster(KubernetesSettings(), process), NAME, SECONDS, wait)


def writes(call: Call) -> bool:
    return call.writes


def test_a_living_holder_keeps_it_however_long_another_waits() -> None:
    world = World()
    holder = world.process()
    with lease_of(holder) as lease:
        began = world.clock.seconds
        with (
            pytest.raises(Held, match=f"held by {holder.holder}, who is alive"),
            lease_of(world.process(), 60),
        ):
            pass
        assert 60 <= world.clock.seconds - began < 65
        lease.check()
        assert world.holder(NAME) == holder.holder
    assert world.holder(NAME) == "", "it is given back"


def test_it_is_the_next_ones_as_soon_as_its_holder_is_done() -> None:
    world = World()
    with lease_of(world.process()):
        pass
    began = world.clock.seconds
    with lease_of(world.process()):
        assert world.clock.seconds == began
    assert world.api.get("leases", NAME)["spec"]["leaseTransitions"] == 2


@pytest.mark.parametrize("skew", [-86_400.0, 0.0, 86_400.0])
def test_a_dead_holders_is_taken_over_after_its_whole_time_whatever_its_clock_said(skew: float) -> None:
    world = World()
    dead = world.process(skew)
    lease_of(dead).__enter__()
    dead.is_dead = True
    began = world.clock.seconds
    heir = world.process()
    with lease_of(heir):
        assert SECONDS <= world.clock.seconds - began <= SECONDS + 1
        assert world.holder(NAME) == heir.holder
    assert world.api.get("leases", NAME)["spec"]["leaseTransitions"] == 2


@pytest.mark.parametrize("skew", [-86_400.0, 86_400.0])
def test_a_clock_that_is_wrong_takes_nothing_from_a_living_holder(skew: float) -> None:
    world = World()
    with lease_of(world.process(skew)), pytest.raises(Held), lease_of(world.process(), 20):
        pass


def test_the_time_that_counts_is_the_one_its_holder_wrote_down() -> None:
    world = World()
    spec = {"holderIdentity": "another release", "leaseDurationSeconds": 40, "renewTime": "x"}
    world.api.patch("leases", NAME, {"spec": spec})
    began = world.clock.seconds
    with lease_of(world.process()):
        assert world.clock.seconds - began >= 40


def test_of_two_heirs_one_gets_it() -> None:
    world = World()
    first, second = world.process(), world.process()
    held: list[Lease] = []
    first.before.append(once(writes, lambda: held.append(lease_of(second).__enter__())))
    with pytest.raises(Held, match=second.holder), lease_of(first, 10):
        pass
    held[0].check()
    assert world.holder(NAME) == second.holder


def test_a_holder_whose_lease_was_taken_stops_and_does_not_give_back_what_is_anothers() -> None:
    world = World()
    with lease_of(world.process()) as lease:
        world.api.patch("leases", NAME, {"spec": {"holderIdentity": "usurper"}})
        lease.check()
        world.clock.advance(SECONDS / 3 + 0.1)
        with pytest.raises(Lost, match="usurper holds it"):
            lease.check()
    assert world.holder(NAME) == "usurper"


def test_a_holder_that_stood_still_for_its_time_stops_before_it_asks_anybody() -> None:
    world = World()
    process = world.process()
    with lease_of(process) as lease:
        process.is_suspended = True
        world.clock.advance(SECONDS + 0.1)
        with pytest.raises(Lost, match="it was not renewed in time"):
            lease.check()


@pytest.mark.parametrize(("away", "is_kept"), [(SECONDS / 2, True), (SECONDS * 2, False)])
def test_an_api_server_that_is_away_costs_the_lease_only_after_its_time(away: float, is_kept: bool) -> None:
    world = World()
    process = world.process()

    def refuse(call: Call) -> None:
        raise Refusal(503)

    with lease_of(process) as lease:
        process.before.append(refuse)
        world.clock.advance(away)
        process.before.clear()
        world.clock.advance(SECONDS / 3)
        if is_kept:
            lease.check()
        else:
            with pytest.raises(Lost):
                lease.check()
        process.before.append(refuse)  # what cannot be given back runs out by itself
    assert world.holder(NAME) == process.holder


def test_a_renewal_whose_time_somebody_else_changed_is_tried_again() -> None:
    world = World()
    process = world.process()
    with lease_of(process) as lease:
        process.before.append(once(writes, lambda: world.touch("leases", NAME)))
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
    with pytest.raises(ClusterError, match="does not answer"), lease_of(impatient, 5):
        pass
    assert 5 <= world.clock.seconds - began <= 7
    with lease_of(patient, 20) as lease:
        lease.check()


def test_a_missing_lease_says_who_makes_it() -> None:
    world = World()
    world.api.delete("leases", NAME)
    with pytest.raises(ClusterError, match="The chart makes it"), lease_of(world.process()):
        pass


@pytest.mark.parametrize("verb", ["get", "update"])
def test_an_account_without_the_right_is_told_which_one_it_needs(verb: str) -> None:
    world = World()
    world.api.denied.add((verb, "leases"))
    with (
        pytest.raises(Forbidden, match=f'cannot {verb} resource "leases".*kubernetes.md'),
        lease_of(world.process()),
    ):
        pass
