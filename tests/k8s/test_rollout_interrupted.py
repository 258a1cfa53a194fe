"""A promotion that is killed at any request is gone on with by the next run, to the same end; against `memory_api`."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.k8s.in_memory import KILLED, accepted, at, once, prepare, run_promote, settle
from tests.k8s.memory_api import DEPLOYMENT, Call, ref
from tests.k8s.ways import Way, assert_ended, requests, short, ways, writes


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepare(monkeypatch, tmp_path)
    accepted(tmp_path, ref(2))


def assert_goes_on(way: Way, call: Call, when: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kill at this request, go on with another process, and judge the end."""
    world, what = way.begin(), f"killed {when} {call}"
    first = world.process()
    getattr(first, when).append(at(call.number, first.kill))
    assert way.command(first) == KILLED
    known, phase = world.state.get("id"), world.state.get("phase", "done")
    capsys.readouterr()
    # What was not begun leaves nothing to go on with: it is asked for again.
    assert (way.resume if known else way.command)(world.process()) in (0, 1)
    if phase != "done":
        assert f": {phase} since 2026-" in capsys.readouterr().out, what
    assert known in (None, world.state["id"]), f"{what}: begun anew"
    lost = tuple(e for e in way.events if not world.events[e])
    swallowed = call.what == ("events" if when == "before" else f"deployments/{DEPLOYMENT}")
    assert len(lost) <= swallowed, what
    assert_ended(world, way, what, lost)


@ways
def test_undisturbed_it_ends_so(way: Way) -> None:
    world = way.begin()
    assert way.command(world.process()) == (way.outcome == "taken_back" and way.command is not run_promote)
    assert_ended(world, way, "undisturbed")


@short
def test_killed_before_any_request_the_next_run_goes_on_to_the_same_end(
    way: Way, capsys: pytest.CaptureFixture[str]
) -> None:
    every = requests(way)
    assert len(every) > 40
    for call in every:
        assert_goes_on(way, call, "before", capsys)


@ways
def test_killed_after_any_write_the_next_run_goes_on_to_the_same_end(
    way: Way, capsys: pytest.CaptureFixture[str]
) -> None:
    every = requests(way, writes)
    assert len(every) >= 6
    for call in every:
        assert_goes_on(way, call, "after", capsys)


@ways
def test_killed_in_one_phase_after_the_other_it_comes_to_the_same_end(way: Way) -> None:
    """Whoever goes on is killed too, after the first phase that it wrote down."""
    world = way.begin()
    runs = 0
    while True:
        process = world.process()
        process.after.append(once(lambda call: call.method == "PATCH", process.kill))
        if (way.resume if world.state else way.command)(process) != KILLED:
            break
        runs += 1
        assert runs < 20
    assert runs >= 3
    lost = tuple(e for e in way.events if not world.events[e])
    assert_ended(world, way, f"killed {runs} times", lost)


@ways
def test_one_run_more_changes_nothing(way: Way) -> None:
    world = way.begin()
    way.command(world.process())
    settle(world)
    version, moves = world.version, list(world.registry.moves)
    assert way.resume(world.process()) == 0
    assert run_promote(world.process()) == 0
    assert (world.version, world.registry.moves) == (version, moves)
    assert_ended(world, way, "one run more")


@short
def test_ended_by_a_signal_at_any_request_it_gives_the_lease_back_and_the_next_run_goes_on(way: Way) -> None:
    def end() -> None:
        raise SystemExit(128 + signal.SIGTERM)

    for call in requests(way, lambda call: call.is_watch or call.writes):
        world = way.begin()
        first = world.process()
        first.before.append(at(call.number, end))
        with pytest.raises(SystemExit):
            way.command(first)
        # At the last write the Lease itself is what was to be given back: it runs out.
        assert world.holder() in ("", first.holder if call.what.startswith("leases") else ""), call
        assert way.resume(world.process()) == 0, call
        settle(world)
        assert (world.told, world.state["outcome"]) == (ref(way.told) if way.told else "", way.outcome), call
