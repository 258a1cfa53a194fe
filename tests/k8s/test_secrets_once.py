"""The bootstrap's Secrets are created once, despite concurrent runs and kills; against `memory_api`."""

from __future__ import annotations

import base64

import pytest

from k8s import secrets
from tests.k8s.harness import KILLED, at_request, exit_code_of, outage
from tests.k8s.memory_api import Call, Process, World

REQUESTED = ["bot/prediction-key=random", "bot/user=text:api", "other/key=random"]


pytestmark = pytest.mark.usefixtures("pod_environment")


def run(process: Process) -> int:
    return exit_code_of(lambda: secrets.main(["--label", "of=x", *REQUESTED], process))


def secret_contents(world: World) -> dict[str, dict[str, str]]:
    return {
        secret["metadata"]["name"]: {k: base64.b64decode(v).decode() for k, v in secret["data"].items()}
        for secret in world.api.list("secrets")
    }


def recorded_requests(world: World) -> list[Call]:
    process = world.process()
    assert run(process) == 0
    return process.calls


def world_with_partial_secret() -> World:
    world = World()
    mine = base64.b64encode(b"mine").decode()
    world.api.put("secrets", {"metadata": {"name": "bot"}, "data": {"prediction-key": mine}})
    return world


def assert_created(world: World, context: object) -> None:
    created = secret_contents(world)
    assert {name: set(keys) for name, keys in created.items()} == {
        "bot": {"prediction-key", "user"},
        "other": {"key"},
    }, context
    assert created["bot"]["user"] == "api"
    assert len(created["other"]["key"]) == 48
    assert run(world.process()) == 0
    assert secret_contents(world) == created, f"{context}: made anew"


def test_secrets_are_created_once_with_labels_and_values_are_not_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World()
    assert run(world.process()) == 0
    output = capsys.readouterr().out
    assert output == "made: bot/prediction-key, bot/user, other/key\n"
    assert {str(s["metadata"]["labels"]) for s in world.api.list("secrets")} == {"{'of': 'x'}"}
    assert_created(world, "undisturbed")
    assert "nothing, all were there" in capsys.readouterr().out


def test_an_existing_key_stays_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    world = world_with_partial_secret()
    assert run(world.process()) == 0
    assert "made: bot/user, other/key\n" in capsys.readouterr().out
    assert secret_contents(world)["bot"]["prediction-key"] == "mine"


@pytest.mark.parametrize("create_world", [World, world_with_partial_secret])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_killed_at_any_request_is_completed_by_the_next_run(
    create_world: type[World], when: str
) -> None:
    for call in recorded_requests(create_world()):
        world = create_world()
        first = world.process()
        getattr(first, when).append(at_request(call.number, first.kill))
        assert run(first) == KILLED
        created = secret_contents(world)
        assert run(world.process()) == 0
        assert all(secret_contents(world)[name].items() >= keys.items() for name, keys in created.items()), (
            call
        )
        assert_created(world, f"killed {when} {call}")


def test_concurrent_runs_do_not_overwrite_each_others_secrets() -> None:
    for call in recorded_requests(World()):
        world = World()
        first, created = world.process(), []

        def second(world: World = world, created: list[object] = created) -> None:
            assert run(world.process()) == 0
            created.append(secret_contents(world))

        first.before.append(at_request(call.number, second))
        assert run(first) == 0
        assert secret_contents(world) == created[0], call
        assert_created(world, call)


def test_a_short_outage_or_a_lost_response_does_not_change_the_result() -> None:
    def lose_answer() -> None:
        raise OSError("timed out")

    for call in recorded_requests(World()):
        world = World()
        process = world.process()
        process.before.append(outage(process, call.number, 5.0, "503"))
        assert run(process) == 0
        assert_created(world, f"away at {call}")
        world = World()
        process = world.process()
        process.after.append(at_request(call.number, lose_answer))
        assert run(process) == 0
        assert_created(world, f"no answer to {call}")


@pytest.mark.parametrize("verb", ["get", "create", "patch"])
def test_a_missing_permission_is_named_in_one_line(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    world = World() if verb == "create" else world_with_partial_secret()
    world.api.denied.add((verb, "secrets"))
    before = secret_contents(world)
    assert run(world.process()) == 1
    output = capsys.readouterr().err
    assert f'cannot {verb} resource "secrets"' in output
    assert len(output.splitlines()) == 1
    assert secret_contents(world) == before
