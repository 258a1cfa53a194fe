"""The bootstrap's secrets are made once, whoever else makes them and wherever it is killed; against `memory_api`."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from k8s import secrets
from tests.k8s.in_memory import KILLED, at, away, ended, prepare
from tests.k8s.memory_api import Call, Process, World

ASKED = ["bot/prediction-key=random", "bot/user=text:api", "other/key=random"]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepare(monkeypatch, tmp_path)


def run(process: Process) -> int:
    return ended(lambda: secrets.main(["--label", "of=x", *ASKED], process))


def content(world: World) -> dict[str, dict[str, str]]:
    return {
        secret["metadata"]["name"]: {k: base64.b64decode(v).decode() for k, v in secret["data"].items()}
        for secret in world.api.list("secrets")
    }


def requests(world: World) -> list[Call]:
    process = world.process()
    assert run(process) == 0
    return process.calls


def with_a_part() -> World:
    world = World()
    mine = base64.b64encode(b"mine").decode()
    world.api.put("secrets", {"metadata": {"name": "bot"}, "data": {"prediction-key": mine}})
    return world


def assert_made(world: World, what: object) -> None:
    made = content(world)
    assert {name: set(keys) for name, keys in made.items()} == {
        "bot": {"prediction-key", "user"},
        "other": {"key"},
    }, what
    assert made["bot"]["user"] == "api"
    assert len(made["other"]["key"]) == 48
    assert run(world.process()) == 0
    assert content(world) == made, f"{what}: made anew"


def test_they_are_made_once_with_their_labels_and_their_values_are_not_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World()
    assert run(world.process()) == 0
    said = capsys.readouterr().out
    assert said == "made: bot/prediction-key, bot/user, other/key\n"
    assert {str(s["metadata"]["labels"]) for s in world.api.list("secrets")} == {"{'of': 'x'}"}
    assert_made(world, "undisturbed")
    assert "nothing, all were there" in capsys.readouterr().out


def test_a_key_that_is_there_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    world = with_a_part()
    assert run(world.process()) == 0
    assert "made: bot/user, other/key\n" in capsys.readouterr().out
    assert content(world)["bot"]["prediction-key"] == "mine"


@pytest.mark.parametrize("begin", [World, with_a_part])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_request_the_next_run_makes_the_rest(begin: type[World], when: str) -> None:
    for call in requests(begin()):
        world = begin()
        first = world.process()
        getattr(first, when).append(at(call.number, first.kill))
        assert run(first) == KILLED
        made = content(world)
        assert run(world.process()) == 0
        assert all(content(world)[name].items() >= keys.items() for name, keys in made.items()), call
        assert_made(world, f"killed {when} {call}")


def test_of_two_at_once_nobody_overwrites_a_secret_that_the_other_made() -> None:
    for call in requests(World()):
        world = World()
        first, made = world.process(), []

        def second(world: World = world, made: list[object] = made) -> None:
            assert run(world.process()) == 0
            made.append(content(world))

        first.before.append(at(call.number, second))
        assert run(first) == 0
        assert content(world) == made[0], call
        assert_made(world, call)


def test_an_api_server_away_for_a_moment_or_an_answer_that_is_lost_stops_nothing() -> None:
    def lose() -> None:
        raise OSError("timed out")

    for call in requests(World()):
        world = World()
        process = world.process()
        process.before.append(away(process, call.number, 5.0, "503"))
        assert run(process) == 0
        assert_made(world, f"away at {call}")
        world = World()
        process = world.process()
        process.after.append(at(call.number, lose))
        assert run(process) == 0
        assert_made(world, f"no answer to {call}")


@pytest.mark.parametrize("verb", ["get", "create", "patch"])
def test_a_right_that_is_missing_is_named_in_one_line(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    world = World() if verb == "create" else with_a_part()
    world.api.denied.add((verb, "secrets"))
    before = content(world)
    from k8s.cli import run as run_command

    assert run_command(lambda: run(world.process())) == 1
    said = capsys.readouterr().err
    assert f'cannot {verb} resource "secrets"' in said
    assert len(said.splitlines()) == 1
    assert content(world) == before
