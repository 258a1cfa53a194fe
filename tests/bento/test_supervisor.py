"""Decisions of the supervisor, with servers in memory that fail where a real one cannot be made to fail."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from bento import keeper
from bento.lifecycle.server_process import ServerProcess, stop_seconds
from bento.lifecycle.supervisor import Supervisor
from chatbot.errors import StoreError
from chatbot.loop import desired_model
from chatbot.process import Stopped, stop_on
from chatbot.settings import KeeperSettings, ServiceSettings, UploadSettings
from chatbot.store import Store
from chatbot.store.folder import FolderStore

ONE, TWO = f"1@{'1' * 64}", f"2@{'2' * 64}"


class ScriptedServer:
    """A server in memory: its readiness is scripted per model."""

    def __init__(self, model: str, world: World) -> None:
        self.model, self.world = model, world
        assert not world.running, "the port is in use"
        world.running.append(self)
        world.started.append(model)

    def wait_ready(self, seconds: float) -> str | None:
        return self.world.next(self.world.not_ready, self.model)

    def exit_code(self, seconds: float = 0.0) -> int | None:
        if self.world.stop_signal:
            raise Stopped
        return self.world.exit_code

    def stop(self) -> None:
        self.world.running.remove(self)


class World:
    """A store, a supervisor and its servers: for each model a list of problems, one per attempt, then none."""

    def __init__(self, folder: Path) -> None:
        self.store: Store = FolderStore(folder / "store")
        self.copy = folder / "copy.json"
        self.running: list[ScriptedServer] = []
        self.started: list[str] = []
        self.not_ready: dict[str, list[str]] = {}
        self.unfit: dict[str, list[str]] = {}
        self.exit_code: int | None = None
        self.stop_signal = False

    @staticmethod
    def next(problems: dict[str, list[str]], model: str) -> str | None:
        left = problems.get(model, [])
        return left.pop(0) if left else None

    def supervisor(self) -> Supervisor:
        return Supervisor(
            self.store,
            KeeperSettings(poll_seconds=0.01),
            self.copy,
            lambda model: cast("ServerProcess", ScriptedServer(model, self)),
            lambda model: self.next(self.unfit, model),
        )

    def follow(self, polls: int = 1, before: Callable[[], object] = lambda: None) -> Supervisor:
        """Start, then do `before`, then read serving.json so often."""
        supervisor = self.supervisor()
        assert supervisor.begin()
        before()
        for _ in range(polls):
            assert supervisor.reconcile()
        return supervisor

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


def test_another_model_replaces_the_current_one_and_is_confirmed(world: World) -> None:
    world.follow(before=ask_for_two(world))
    assert world.started == [ONE, TWO]
    assert world.models == [TWO]
    assert desired_model.read(world.store).serves


def test_a_model_that_fails_the_preflight_check_never_stops_the_current_server(world: World) -> None:
    world.unfit[TWO] = ["encoder.onnx is damaged"]
    world.follow(polls=2, before=ask_for_two(world))
    assert world.started == [ONE]
    now = desired_model.read(world.store)
    assert now.model == ONE
    assert now.taken_back is not None
    assert now.taken_back.why == "encoder.onnx is damaged"


def test_a_model_that_does_not_become_ready_is_replaced_by_the_previous_one(world: World) -> None:
    world.not_ready[TWO] = ["it does not answer"]
    world.follow(polls=2, before=ask_for_two(world))
    assert world.started == [ONE, TWO, ONE]
    assert world.models == [ONE]
    now = desired_model.read(world.store)
    assert now.model == ONE
    assert now.taken_back is not None
    assert now.taken_back.why == "it does not answer"


def test_if_no_model_starts_it_exits_and_the_next_start_tries_the_desired_one_again(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.not_ready = {TWO: ["the disk is full"], ONE: ["the memory is full"]}
    supervisor = world.supervisor()
    world.not_ready[ONE] = []
    assert supervisor.begin()
    world.not_ready[ONE] = ["the memory is full"]
    ask_for_two(world)()
    assert not supervisor.reconcile()
    assert world.running == []
    said = capsys.readouterr().err
    assert "the disk is full" in said
    assert "the memory is full" in said
    assert desired_model.read(world.store).model == TWO
    world.follow()
    assert world.models == [TWO]


def test_a_rollback_that_the_store_refuses_is_recorded_later_without_a_second_restart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.not_ready[TWO] = ["it does not answer"]

    def refuse(*_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("bento.lifecycle.supervisor.desired_model.roll_back", refuse)
        supervisor = world.follow(polls=3, before=ask_for_two(world))
    assert world.started == [ONE, TWO, ONE]
    assert desired_model.read(world.store).model == TWO
    assert supervisor.reconcile()
    assert desired_model.read(world.store).model == ONE
    ask_for_two(world)()  # named again, it is tried again
    assert supervisor.reconcile()
    assert world.models == [TWO]


def test_a_serving_model_that_was_not_confirmed_is_confirmed_at_the_next_poll(world: World) -> None:
    desired_model.ask(world.store, TWO, "a test")  # its supervisor was killed before it confirmed it
    world.follow()
    assert world.models == [TWO]
    assert desired_model.read(world.store).serves


def test_a_model_that_served_before_and_does_not_start_is_not_rolled_back(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.not_ready[ONE] = ["the disk is full"]
    assert world.supervisor().run() == 1
    assert "cannot be served: the disk is full" in capsys.readouterr().err
    assert desired_model.read(world.store).taken_back is None
    assert world.running == []


def test_if_neither_the_requested_nor_the_previous_model_starts_it_exits_with_both_reasons(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    desired_model.ask(world.store, TWO, "a test")
    world.not_ready = {ONE: ["the port is taken"], TWO: ["it does not answer"]}
    world.unfit[TWO] = ["the disk is full"]  # what says more than an exit code is recorded
    assert world.supervisor().run() == 1
    said = capsys.readouterr().err
    assert "rolled back: the disk is full" in said
    assert "cannot be served either: the port is taken" in said


def test_a_serving_json_that_cannot_be_read_changes_nothing_and_is_logged_once(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = [b"{", b'{"model": "no model"}']
    for content in broken:
        world.follow(polls=3, before=lambda content=content: world.store.put(desired_model.KEY, content))  # type: ignore[misc]
        assert world.models == [ONE]
        assert capsys.readouterr().err.count("the current model stays") == 1
        world.running.clear()
        world.store.put(desired_model.KEY, world.copy.read_bytes())


def test_a_store_that_refuses_writes_stops_no_server(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    desired_model.ask(world.store, TWO, "a test")

    def refuse(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr("bento.lifecycle.supervisor.desired_model.confirm", refuse)
    world.follow(polls=3)
    assert world.models == [TWO]


def test_a_service_that_ends_by_itself_ends_the_supervisor_with_its_code(world: World) -> None:
    world.exit_code = 7
    assert world.supervisor().run() == 7
    assert world.running == []


def test_a_stop_signal_stops_the_server_too(world: World) -> None:
    world.stop_signal = True
    with pytest.raises(Stopped):
        world.supervisor().run()
    assert world.running == []


def test_a_stop_signal_during_a_request_of_the_store_is_not_swallowed_by_the_library(
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

    supervisor = world.supervisor()
    assert supervisor.begin()
    monkeypatch.setattr("bento.lifecycle.supervisor.desired_model.read", ask)
    try:
        stop_on(signal.SIGUSR1)
        with pytest.raises(Stopped):
            supervisor.reconcile()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_while_the_store_is_unavailable_it_starts_with_the_last_model(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.follow()
    world.running.clear()

    def away(_: Store) -> None:
        raise StoreError("it does not answer")

    monkeypatch.setattr("bento.lifecycle.supervisor.desired_model.read", away)
    world.follow()
    assert world.models == [ONE]


def test_without_a_store_it_starts_with_the_bundle_beside_the_code_whatever_served_before(
    world: World,
) -> None:
    world.follow()
    world.running.clear()
    supervisor = replace(world.supervisor(), store=None)
    assert supervisor.begin()
    assert supervisor.reconcile()
    assert world.models == [""]


@pytest.mark.parametrize("variable", ["CHATBOT_MODEL", "CHATBOT_MODEL_FILE"])
def test_a_setting_that_names_a_model_is_refused_because_serving_json_does(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise Stopped

    monkeypatch.setenv(variable, ONE)
    monkeypatch.setattr(keeper, "stop_on", lambda *_: None)
    monkeypatch.setattr(keeper, "check_port_free", stop)
    assert keeper.main() == 1
    said = capsys.readouterr().err
    assert f"{variable}={ONE}" in said
    assert "python -m training.promote VERSION" in said


@pytest.mark.parametrize(
    ("drain", "upload", "expected"), [(0, 10, 60), (0, 120, 150), (30, 10, 70), (120, 120, 270)]
)
def test_a_server_may_take_as_long_to_stop_as_its_drain_period_and_its_last_upload(
    drain: float, upload: float, expected: float
) -> None:
    service, uploads = ServiceSettings(drain_seconds=drain), UploadSettings(close_seconds=upload)
    assert stop_seconds(service, uploads) == expected
