"""The keeper's decisions where a server fails at a moment that a real one cannot be made to fail at."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from bento.keeper import Keeper, Start
from bento.lifecycle.server_process import ServerProcess
from chatbot.errors import StoreError
from chatbot.model import desired_model
from chatbot.process import Stopped, stop_on
from chatbot.settings import KeeperSettings
from chatbot.store import Store
from chatbot.store.folder import FolderStore

ONE, TWO = f"1@{'1' * 64}", f"2@{'2' * 64}"


class Told:
    """A server that does as it is told, and what was done to all of them."""

    def __init__(self, model: str, world: World) -> None:
        self.model, self.world = model, world
        world.running.append(self)

    def wait_ready(self, seconds: float) -> str:
        return self.world.next(self.world.ready, self.model)

    def ask(self) -> str:
        return self.world.next(self.world.answers, self.model)

    def exit_code(self) -> int | None:
        return self.world.ended

    def leave(self) -> None:
        self.world.running.remove(self)

    def stop(self) -> None:
        self.leave()

    def wait(self) -> None:
        """It has left at once."""


class World:
    """A store, a keeper, and what its servers do: a list of problems for each model, empty for none, then none."""

    def __init__(self, folder: Path) -> None:
        self.store: Store = FolderStore(folder / "store")
        self.memory = folder / "memory.json"
        self.running: list[Told] = []
        self.ready: dict[str, list[str]] = {}
        self.answers: dict[str, list[str]] = {}
        self.ended: int | None = None

    @staticmethod
    def next(problems: dict[str, list[str]], model: str) -> str:
        left = problems.get(model, [])
        return left.pop(0) if left else ""

    def keeper(self, store: Store | None = None) -> Keeper:
        start = cast("Start", lambda model: cast("ServerProcess", Told(model, self)))
        return Keeper(store or self.store, KeeperSettings(poll_seconds=0.01), self.memory, start)

    def follow(self, looks: int = 1, before: Callable[[], object] = lambda: None) -> Keeper:
        """Start, then do `before`, then look at serving.json so often."""
        keeper = self.keeper()
        server = keeper.begin()
        assert server is not None
        before()
        for _ in range(looks):
            server = keeper.follow(server)
        return keeper

    @property
    def models(self) -> list[str]:
        return [server.model for server in self.running]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The first model serves."""
    made = World(tmp_path)
    desired_model.ask(made.store, ONE, "a test")
    desired_model.confirm(made.store, ONE)
    return made


def ask_for_two(world: World) -> Callable[[], object]:
    return lambda: desired_model.ask(world.store, TWO, "a test")


def test_a_model_that_is_ready_and_then_answers_nothing_gives_way_to_the_old_one(world: World) -> None:
    world.answers[TWO] = ["the answer is empty"]
    world.follow(before=ask_for_two(world))
    now = desired_model.read(world.store)
    assert world.models == [ONE]
    assert now.model == ONE
    assert now.taken_back is not None
    assert now.taken_back.why == "the answer is empty"


def test_where_the_old_one_does_not_come_back_the_new_one_goes_on(world: World) -> None:
    world.answers[TWO] = ["the answer is empty"]
    world.ready[ONE] = ["", "the disk is full"]
    world.follow(before=ask_for_two(world))
    assert world.models == [TWO]
    assert desired_model.read(world.store).model == TWO


def test_a_model_that_serves_is_confirmed_and_the_old_server_is_gone(world: World) -> None:
    world.follow(before=ask_for_two(world))
    assert world.models == [TWO]
    assert desired_model.read(world.store).serves


def test_what_serves_but_was_never_confirmed_is_confirmed_at_the_next_look(world: World) -> None:
    desired_model.ask(world.store, TWO, "a test")  # its keeper was killed before it could note that it serves
    world.follow(looks=1)
    assert world.models == [TWO]
    assert desired_model.read(world.store).serves


def test_a_model_that_served_before_and_does_not_start_is_not_taken_back(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.ready[ONE] = ["the disk is full"]
    assert world.keeper().run() == 1
    assert "does not serve: the disk is full" in capsys.readouterr().err
    assert desired_model.read(world.store).taken_back is None
    assert world.running == []


def test_where_neither_a_cut_off_promotion_nor_what_served_before_starts_it_ends_and_says_both(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    desired_model.ask(world.store, TWO, "a test")
    world.ready |= {ONE: ["the port is taken"], TWO: ["the disk is full"]}
    assert world.keeper().run() == 1
    said = capsys.readouterr().err
    assert "taken back: the disk is full" in said
    assert "does not serve either: the port is taken" in said


def test_a_serving_json_that_cannot_be_read_changes_nothing_and_is_said_once(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = [b"{", b'{"model": "no model"}']
    for content in broken:
        world.follow(looks=3, before=lambda content=content: world.store.put(desired_model.KEY, content))  # type: ignore[misc]
        assert world.models == [ONE]
        assert capsys.readouterr().err.count("cannot be read, and stays as it is") == 1
        world.running.clear()
        world.store.put(desired_model.KEY, world.memory.read_bytes())


def test_a_store_that_takes_nothing_stops_no_server(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    desired_model.ask(world.store, TWO, "a test")

    def refuse(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr("bento.keeper.desired_model.confirm", refuse)
    world.follow(looks=3)
    assert world.models == [TWO]


def test_a_service_that_ends_by_itself_ends_the_keeper_with_its_code(world: World) -> None:
    world.ended = 7
    assert world.keeper().run() == 7
    assert world.running == []


def test_asked_to_stop_it_stops_what_it_started(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_: float) -> None:
        raise Stopped

    monkeypatch.setattr("bento.keeper.time.sleep", stopped)
    with pytest.raises(Stopped):
        world.keeper().run()
    assert world.running == []


def test_asked_to_stop_while_a_library_asks_the_store_it_stops_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """botocore takes whatever `Exception` comes in the middle of a request for a failed request."""
    before = signal.getsignal(signal.SIGUSR1)

    def ask(_: Store) -> None:
        try:
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(5)
        except Exception as error:
            raise StoreError("the store does not answer") from error

    keeper = world.keeper()
    server = keeper.begin()
    assert server is not None
    monkeypatch.setattr("bento.keeper.desired_model.read", ask)
    try:
        stop_on(signal.SIGUSR1)
        with pytest.raises(Stopped):
            keeper.follow(server)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_while_the_store_is_away_it_begins_with_what_served_last(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.follow()
    world.running.clear()

    def away(_: Store) -> None:
        raise StoreError("it does not answer")

    monkeypatch.setattr("bento.keeper.desired_model.read", away)
    world.follow()
    assert world.models == [ONE]
