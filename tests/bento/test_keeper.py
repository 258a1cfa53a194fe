"""Following serving.json on one machine, with real servers under steady load: no message goes unanswered."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from chatbot.model import bundle_store, desired_model
from chatbot.store.folder import FolderStore
from tests.bento import bundles
from tests.bento.server import Server
from tests.bento.steady import SteadyLoad

pytestmark = [pytest.mark.process, pytest.mark.long]

KEEPER = (sys.executable, "-m", "bento.keeper")


class Machine:
    """A keeper, its store, and bundles to choose from. What ran in one test runs on in the next."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.store = FolderStore(folder / "store")
        self.models: dict[str, str] = {}
        for number, made in enumerate(
            (model, bundles.other(model, folder / "second"), bundles.lying(model, folder / "lying")), start=1
        ):
            self.models[str(number)] = f"{number}@{bundle_store.push(self.store, made)}"
        self.beside_the_code = bundles.digest(model)[:12]
        self.environment = {
            "CHATBOT_BUNDLE": str(model),
            "CHATBOT_STORE_URL": str(folder / "store"),
            "CHATBOT_BUNDLE_CACHE": str(folder / "cache"),
            "CHATBOT_KEEPER_POLL_SECONDS": "0.2",
            "CHATBOT_KEEPER_DRAIN_SECONDS": "1",
            "CHATBOT_RUNNER_WORKERS": "1",
        }
        self.server = Server(folder / "server", dict(self.environment), KEEPER)

    def start(self, **environment: str) -> None:
        """A keeper with these settings in place of others."""
        self.server.environment = self.environment | environment
        self.server.start()

    def stop(self) -> None:
        if self.is_running:
            self.server.stop()

    @property
    def is_running(self) -> bool:
        return self.server.process is not None and self.server.process.poll() is None

    def ask(self, number: str) -> None:
        desired_model.ask(self.store, self.models[number], "a test")

    def serve(self, number: str) -> None:
        """Have a model serve, whatever was before."""
        self.ask(number)
        if self.server.environment != self.environment:
            self.stop()
        if not self.is_running:
            self.start()
        self.wait(lambda s: s.serves)

    def version(self) -> str:
        status, text = self.server.get("/version")
        return str(json.loads(text)["model_version"]) if status == 200 else ""

    def wait(
        self, reached: Callable[[desired_model.Serving], bool], seconds: float = 60
    ) -> desired_model.Serving:
        until = time.monotonic() + seconds
        while not reached(found := desired_model.read(self.store)):
            assert time.monotonic() < until, f"{found}\n{self.server.output}"
            time.sleep(0.05)
        return found

    def wait_taken_back(self, model: str) -> desired_model.Serving:
        return self.wait(lambda s: s.taken_back is not None and s.taken_back.model == model and s.serves)

    def servers(self) -> list[psutil.Process]:
        assert self.server.process is not None
        return psutil.Process(self.server.process.pid).children()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, model_folder: Path) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("machine"), model_folder)
    yield made
    made.stop()


def test_another_model_takes_over_and_gives_back_without_a_failed_message(machine: Machine) -> None:
    machine.stop()
    machine.store.delete(desired_model.KEY)
    machine.start()
    with SteadyLoad(machine.server.url) as load:
        machine.ask("1")
        machine.wait(lambda s: s.serves)
        assert machine.version() == "1"
        machine.ask("2")
        found = machine.wait(lambda s: s.serves)
        load.wait_until(lambda: load.seen.answered["2"] > 50)
        assert found.before == (machine.models["1"],)
        machine.ask("1")
        machine.wait(lambda s: s.serves)
        ones = load.seen.answered["1"]
        load.wait_until(lambda: load.seen.answered["1"] > ones + 50)
    assert load.seen.failures == []
    assert load.seen.closing > 0
    # One way: once the new model answered alone, the old one never does again.
    assert set(load.seen.answered) == {"1", "2", machine.beside_the_code}
    assert len(machine.servers()) == 1


def test_a_model_that_does_not_start_is_taken_back_and_the_old_one_serves_on(machine: Machine) -> None:
    machine.serve("1")
    with SteadyLoad(machine.server.url) as load:
        machine.ask("3")
        found = machine.wait_taken_back(machine.models["3"])
    assert found.model == machine.models["1"]
    assert found.taken_back is not None
    assert "no_such_intent" in found.taken_back.why
    assert load.seen.failures == []
    assert set(load.seen.answered) == {"1"}


def test_a_model_that_the_store_does_not_have_is_taken_back_with_the_reason(machine: Machine) -> None:
    machine.serve("1")
    missing = f"9@{'9' * 64}"
    desired_model.ask(machine.store, missing, "a test")
    found = machine.wait_taken_back(missing)
    assert found.taken_back is not None
    assert "the store has no bundles/9999" in found.taken_back.why
    assert machine.version() == "1"


def test_a_keeper_that_is_killed_in_the_middle_goes_on_where_it_was(machine: Machine) -> None:
    machine.serve("1")
    machine.ask("2")
    until = time.monotonic() + 20
    while len(machine.servers()) < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    both = machine.servers()
    assert machine.server.process is not None
    machine.server.process.kill()
    machine.server.process.wait()
    psutil.wait_procs(both, timeout=30)
    assert not any(process.is_running() for process in both), "a server outlives its keeper"
    assert not desired_model.read(machine.store).serves
    machine.start()
    machine.wait(lambda s: s.serves)
    assert machine.version() == "2"


def test_a_model_whose_promotion_was_cut_off_and_that_does_not_start_gives_way_to_the_one_before(
    machine: Machine,
) -> None:
    machine.serve("2")
    machine.stop()
    machine.ask("3")
    machine.start()
    assert machine.version() == "2"
    taken_back = desired_model.read(machine.store).taken_back
    assert taken_back is not None
    assert taken_back.model == machine.models["3"]


def test_what_served_serves_on_and_is_started_again_while_the_store_is_away(machine: Machine) -> None:
    machine.serve("2")
    machine.stop()
    machine.start(
        CHATBOT_STORE_URL="s3://away",
        CHATBOT_STORE_ENDPOINT="http://127.0.0.1:9",
        CHATBOT_STORE_ATTEMPTS="1",
        AWS_ACCESS_KEY_ID="nobody",
        AWS_SECRET_ACCESS_KEY="nothing",
    )
    assert machine.version() == "2"
    assert "what should serve cannot be read, and stays as it is" in machine.server.output
    assert machine.server.output.count("cannot be read") == 1


def test_ctrl_c_and_sigterm_end_the_keeper_and_its_server_at_once(machine: Machine) -> None:
    machine.stop()
    machine.start(CHATBOT_KEEPER_DRAIN_SECONDS="60")
    servers = machine.servers()
    assert machine.server.process is not None
    machine.server.process.send_signal(signal.SIGTERM)
    assert machine.server.process.wait(20) == 0  # and does not drain first
    assert not any(process.is_running() for process in servers)
