"""Somebody else changes something at any request of a promotion: what a person said counts; against `memory_api`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.k8s.in_memory import KILLED, accepted, at, once, prepare, run_promote, run_rollback, settle
from tests.k8s.memory_api import DEPLOYMENT, Behaviour, Call, Meddler, Process, World, digest, ref
from tests.k8s.ways import WAYS, Way, assert_ended, code_of, requests, short, ways

LEASE = "support-chatbot-promote"
AFTER_3 = Way(2, "promoted", WAYS["promoted"].events, before=3)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepare(monkeypatch, tmp_path)
    accepted(tmp_path, ref(2))


def patches(call: Call) -> bool:
    return call.method == "PATCH"


def moves_on(call: Call) -> bool:
    """Whether something can depend on it that it came in this moment."""
    return call.what.startswith("deployments") or call.writes


def on_lease(call: Call) -> bool:
    return call.what == f"leases/{LEASE}"


def times(number: int, where: Callable[[Call], bool], do: Callable[[], object], skip: int = 0) -> Meddler:
    """Do something at the first so many requests that are meant, after some that are skipped."""
    seen: list[Call] = []

    def meddle(call: Call) -> None:
        if where(call):
            seen.append(call)
            if skip < len(seen) <= skip + number:
                do()

    return meddle


@ways
def test_a_change_that_is_nobodys_business_before_any_write_changes_nothing(way: Way) -> None:
    every = requests(way, patches)
    assert len(every) >= 3
    for skip, call in enumerate(every):
        for number in (1, 3):
            world = way.begin()
            process = world.process()
            process.before.append(times(number, patches, world.touch, skip))
            assert way.command(process) == code_of(way), call
            assert_ended(world, way, f"{number} changes before {call}")
            assert len([c for c in process.calls if patches(c)]) == len(every) + number, (
                "each was refused once"
            )


def test_a_deployment_that_changes_all_the_time_is_given_up_in_any_phase_and_the_next_run_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    way = WAYS["promoted"]
    for skip in range(len(requests(way, patches))):
        world = way.begin()
        process = world.process()
        process.before.append(times(1000, patches, world.touch, skip))
        assert way.command(process) == 1
        assert "changes all the time: 20 tries were in vain" in capsys.readouterr().err
        assert way.resume(world.process()) == 0
        assert_ended(world, way, f"patch {skip}")


@short
def test_a_change_to_the_lease_that_is_nobodys_business_takes_it_from_nobody(way: Way) -> None:
    for skip in range(len(requests(way, on_lease))):
        world = way.begin()
        process = world.process()
        process.before.append(times(1, on_lease, lambda world=world: world.touch("leases", LEASE), skip))
        assert way.command(process) == 0
        settle(world)
        assert world.state["outcome"] == way.outcome
        # What could not be given back runs out.
        assert world.holder() in ("", process.holder)


def undo(world: World) -> None:
    world.undo()


def patch(world: World) -> None:
    world.tell(ref(5))


def roll_back(world: World) -> None:
    """By `k8s.rollback 5`, whose person does not wait for the rest of it."""
    person = world.process()
    person.before.append(once(on_lease, person.kill))
    assert run_rollback("5")(person) == KILLED


@pytest.mark.parametrize("change", [undo, patch, roll_back])
def test_what_a_person_sets_in_any_moment_of_a_promotion_serves_and_is_champion(
    change: Callable[[World], None],
) -> None:
    began = requests(AFTER_3, patches)[0].number
    for call in requests(AFTER_3, lambda call: call.number > began and moves_on(call)):
        world = AFTER_3.begin()
        process = world.process()
        said: list[str] = []
        process.before.append(at(call.number, lambda world=world: change(world)))
        process.before.append(at(call.number, lambda world=world, said=said: said.append(world.told)))
        assert run_promote(process) == 0, call
        settle(world)
        assert_as_said(world, said[0], f"{change.__name__} before {call}")


@pytest.mark.parametrize("change", [patch, roll_back])
@pytest.mark.parametrize(
    "behaviour", [Behaviour(failed=0.5), Behaviour(exit="damaged")], ids=["worse", "not ready"]
)
def test_what_a_person_sets_while_a_model_is_taken_back_serves_and_is_champion(
    change: Callable[[World], None], behaviour: Behaviour
) -> None:
    way = Way(3, "taken_back", WAYS["worse metrics"].events, behaviour, before=3)
    second = requests(way, patches)[1].number
    for call in requests(way, lambda call: call.number >= second and moves_on(call)):
        world = way.begin()
        process = world.process()
        process.before.append(at(call.number, lambda world=world: change(world)))
        assert run_promote(process) == 0, call
        settle(world)
        assert_as_said(world, ref(5), f"{change.__name__} before {call}")


def assert_as_said(world: World, said: str, what: str) -> None:
    """After the next runs, whoever's, everything agrees with what a person set."""
    assert world.told == said, what
    for command in (run_rollback(), run_promote):
        assert command(world.process()) == 0, what
    settle(world)
    version, _, of = (said or "1@" + "0" * 64).partition("@")
    assert (world.told, world.champion, world.served) == (said, version, [of]), what
    assert world.state.get("phase", "done") == "done", what
    assert digest(2) in world.taken_back, f"{what}: what a person ended would be promoted again"
    assert digest(int(version)) not in world.taken_back, what
    assert max(world.events.values()) <= 2, what
    assert world.events["ModelTakenBack"] + world.events["ModelPromoted"] <= 1, what


def test_a_person_who_ends_a_trial_does_not_come_back_to_it() -> None:
    world = AFTER_3.begin()
    process = world.process()
    in_trial = once(lambda c: patches(c) and world.state.get("phase") == "watching", lambda: roll_back(world))
    process.before.append(in_trial)
    assert run_promote(process) == 0
    assert (world.state["target"], world.state["previous"]) == (ref(5), ref(3))
    assert run_rollback()(world.process()) == 0
    assert world.state["outcome"] == "rolled_back"
    assert f"in place of version 3 ({digest(3)[:12]})" in world.message("ModelRolledBack")
    assert world.events["ModelPromoted"] == 0


def test_what_a_person_sets_just_before_a_promotion_begins_is_not_run_over(tmp_path: Path) -> None:
    accepted(tmp_path, ref(2), judged_against=ref(3))
    began = requests(AFTER_3, patches)[0].number
    for call in requests(AFTER_3, lambda call: call.number <= began):
        world = AFTER_3.begin()
        world.behaviours = {digest(5): Behaviour(start=10)}
        process = world.process()
        process.before.append(at(call.number, lambda world=world: roll_back(world)))
        assert run_promote(process) == 0, call
        assert world.champion == ("5" if world.state.get("outcome") else "3"), (
            f"{call}: named before it serves"
        )
        assert run_rollback()(world.process()) == 0
        settle(world)
        assert (world.told, world.champion, world.served) == (ref(5), "5", [digest(5)]), call
        assert world.state["outcome"] == "rolled_back", call
        assert digest(5) not in world.taken_back, call
        assert world.events["ModelPromoted"] == 0, call


def test_the_same_model_asked_for_anew_is_another_promotion() -> None:
    """A person sets another and comes back to it, while a run looks elsewhere."""
    first, *_, last = requests(AFTER_3, patches)
    for call in requests(AFTER_3, lambda call: call.number > first.number + 1 and moves_on(call)):
        world = AFTER_3.begin()
        process = world.process()

        def there_and_back(world: World = world) -> None:
            roll_back(world)
            person = world.process()
            person.before.append(once(on_lease, person.kill))
            assert run_rollback("2")(person) == KILLED

        process.before.append(at(call.number, there_and_back))
        assert run_promote(process) == 0
        assert world.events["ModelPromoted"] == (call.number > last.number), call
        assert run_rollback()(world.process()) == 0
        settle(world)
        assert (world.told, world.champion, world.served) == (ref(2), "2", [digest(2)]), call
        assert (world.state["outcome"], world.state["by_hand"]) == ("rolled_back", True), call


def usurp(world: World) -> None:
    """Another takes the Lease, against the rules, and a renewal notices."""
    world.api.patch("leases", LEASE, {"spec": {"holderIdentity": "usurper"}})
    world.clock.advance(3)


def stand_still(sleeper: Process, world: World, known: list[object]) -> None:
    """As a machine that is suspended, while another run takes over and ends."""
    sleeper.is_suspended = True
    assert run_promote(world.process()) == 0
    settle(world)
    sleeper.is_suspended = False
    known += [world.version, world.taken_back, world.champion, len(world.registry.moves)]


@short
def test_who_stood_still_in_any_moment_while_another_took_over_changes_nothing_more(way: Way) -> None:
    for call in requests(way, lambda call: call.number > 2 and moves_on(call)):
        world = way.begin()
        sleeper = world.process()
        known: list[object] = []
        process_stands = at(
            call.number, lambda sleeper=sleeper, world=world, known=known: stand_still(sleeper, world, known)
        )
        sleeper.before.append(process_stands)
        assert run_promote(sleeper) in (0, 1), call
        # A request that was on its way when the machine stopped still arrives: at MLflow it says the same.
        arrived = call.server == "mlflow" and call.writes
        now = [world.version, world.taken_back, world.champion, len(world.registry.moves) - arrived]
        assert now == known, call
        assert run_promote(world.process()) == 0  # the metric, if the sleeper's last word was an old one
        lost = tuple(e for e in way.events if not world.events[e])
        assert_ended(world, way, f"stood still before {call}", lost)


@short
def test_whose_lease_was_taken_in_any_phase_stops_before_it_writes(
    way: Way, capsys: pytest.CaptureFixture[str]
) -> None:
    for call in requests(way, patches):
        world = way.begin()
        process = world.process()
        process.before.append(at(call.number - 1, lambda world=world: usurp(world)))
        assert run_promote(process) == 1, call
        assert "usurper holds it" in capsys.readouterr().err, call
        assert [c for c in process.calls if c.number >= call.number and c.writes] == [], call
        assert world.holder() == "usurper", "what is another's is not given back"
        world.api.patch("leases", LEASE, {"spec": {"holderIdentity": ""}})
        assert way.resume(world.process()) == 0
        assert_ended(world, way, call)


def test_that_a_person_ended_it_is_written_down_however_often_that_is_refused() -> None:
    world = AFTER_3.begin()
    process = world.process()
    process.before.append(once(lambda call: world.state.get("phase") == "watching", lambda: patch(world)))
    process.before.append(times(3, lambda call: patches(call) and world.told == ref(5), world.touch))
    assert run_promote(process) == 0
    assert (world.state["outcome"], world.told, world.taken_back) == ("superseded", ref(5), [digest(2)])
    assert world.events["ModelChangedByHand"] == 1


def test_who_has_lost_the_lease_waits_for_no_rollout() -> None:
    world = World({digest(2): Behaviour(start=50)})
    world.api.patch("deployments", DEPLOYMENT, {"spec": {"progressDeadlineSeconds": 600}})
    process = world.process()
    process.before.append(once(lambda call: call.is_watch, lambda: usurp(world)))
    began = world.clock.seconds
    assert run_promote(process) == 1
    assert world.clock.seconds - began < 15


def test_the_alias_is_not_moved_by_who_has_lost_the_lease() -> None:
    way = WAYS["promoted"]
    (move,) = requests(way, lambda call: call.server == "mlflow" and call.writes)
    world = way.begin()
    process = world.process()
    process.before.append(at(move.number - 1, lambda: usurp(world)))
    assert run_promote(process) == 1
    assert (world.champion, world.state["phase"]) == ("1", "naming")
