"""The supervisor on one machine, with real servers under steady load: a model is switched by a short restart."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from chatbot.loop import desired_model
from chatbot.model import bundle_store
from chatbot.store.folder import FolderStore
from tests.bento import bundles
from tests.bento.server import Server
from tests.bento.steady import SteadyLoad

pytestmark = [pytest.mark.process, pytest.mark.long]

SUPERVISOR = (sys.executable, "-m", "bento.keeper")


class Machine:
    """A supervisor, its store, and bundles to choose from. What ran in one test runs on in the next."""

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
            "CHATBOT_RUNNER_WORKERS": "1",
        }
        self.server = Server(folder / "server", dict(self.environment), SUPERVISOR)

    def start(self, **environment: str) -> None:
        """A supervisor with these settings in place of others."""
        self.server.environment = self.environment | environment
        began = time.monotonic()
        self.server.start()
        self.start_seconds = time.monotonic() - began

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
        self, reached: Callable[[desired_model.DesiredModel], bool], seconds: float = 60
    ) -> desired_model.DesiredModel:
        until = time.monotonic() + seconds
        while not reached(found := desired_model.read(self.store)):
            assert time.monotonic() < until, f"{found}\n{self.server.output}"
            time.sleep(0.05)
        return found

    def wait_rolled_back(self, model: str) -> desired_model.DesiredModel:
        return self.wait(lambda s: s.taken_back is not None and s.taken_back.model == model and s.serves)

    def servers(self) -> list[psutil.Process]:
        assert self.server.process is not None
        return psutil.Process(self.server.process.pid).children()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, bundle_folder: Path) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("machine"), bundle_folder)
    yield made
    made.stop()


def test_a_switch_to_another_model_is_a_restart_and_no_message_gets_an_error_or_a_stale_answer(
    machine: Machine,
) -> None:
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
    # For the stop and the start of one server a client waits, or sees a refused or closed connection: nothing else.
    assert load.seen.errors == [], load.seen
    assert load.seen.longest_outage < 3 * machine.start_seconds
    # One way: once the new model answered, the old one never does again.
    assert set(load.seen.answered) == {"1", "2", machine.beside_the_code}
    assert len(machine.servers()) == 1


def test_a_model_that_fails_the_preflight_check_is_rolled_back_and_costs_no_message(machine: Machine) -> None:
    machine.serve("2")
    with SteadyLoad(machine.server.url) as load:
        machine.ask("3")
        found = machine.wait_rolled_back(machine.models["3"])
    assert found.model == machine.models["2"]
    assert found.taken_back is not None
    assert "no_such_intent" in found.taken_back.why
    assert load.seen.failures == []
    assert set(load.seen.answered) == {"2"}


def test_a_model_that_the_store_does_not_have_is_taken_back_with_the_reason(machine: Machine) -> None:
    machine.serve("2")
    missing = f"9@{'9' * 64}"
    desired_model.ask(machine.store, missing, "a test")
    found = machine.wait_rolled_back(missing)
    assert found.taken_back is not None
    assert "the store has no bundles/9999" in found.taken_back.why
    assert machine.version() == "2"


def test_a_supervisor_that_is_killed_during_the_restart_ends_it_when_it_starts_again(
    machine: Machine,
) -> None:
    machine.serve("2")
    (old,) = machine.servers()
    machine.ask("1")
    old.wait(60)
    assert machine.server.process is not None
    servers = machine.servers()
    machine.server.process.kill()
    machine.server.process.wait()
    psutil.wait_procs(servers, timeout=30)
    assert not any(process.is_running() for process in servers), "a server outlives its supervisor"
    assert not desired_model.read(machine.store).serves
    machine.start()
    machine.wait(lambda s: s.serves)
    assert machine.version() == "1"


def test_a_model_whose_promotion_was_cut_off_and_that_does_not_start_gives_way_to_the_one_before(
    machine: Machine,
) -> None:
    machine.serve("1")
    machine.stop()
    machine.ask("3")
    machine.start()
    assert machine.version() == "1"
    taken_back = desired_model.read(machine.store).taken_back
    assert taken_back is not None
    assert taken_back.model == machine.models["3"]


def test_a_model_is_switched_where_the_api_needs_keys(machine: Machine, tmp_path: Path) -> None:
    """`/version` needs one, and the supervisor has to read it: it took 401 for a server that does not start."""
    machine.serve("1")
    machine.stop()
    (tmp_path / "keys").write_text(f"page chat {'0' * 64}\n")
    machine.ask("2")
    machine.start(CHATBOT_API_KEYS_FILE=str(tmp_path / "keys"), CHATBOT_KEEPER_START_SECONDS="20")
    found = machine.wait(lambda s: s.serves)
    assert found.model == machine.models["2"], found.taken_back
    status, _ = machine.server.get("/version")
    assert status == 401, "for everyone else"
    machine.stop()


def test_the_serving_model_keeps_serving_and_restarts_while_the_store_is_unavailable(
    machine: Machine,
) -> None:
    machine.serve("1")
    machine.stop()
    machine.start(
        CHATBOT_STORE_URL="s3://away",
        CHATBOT_STORE_ENDPOINT="http://127.0.0.1:9",
        CHATBOT_STORE_ATTEMPTS="1",
        AWS_ACCESS_KEY_ID="nobody",
        AWS_SECRET_ACCESS_KEY="nothing",
    )
    assert machine.version() == "1"
    assert machine.server.output.count("the current model stays") == 1


def test_sigterm_stops_the_supervisor_and_its_server(machine: Machine) -> None:
    if not machine.is_running:
        machine.start()
    servers = machine.servers()
    assert machine.server.process is not None
    machine.server.process.send_signal(signal.SIGTERM)
    assert machine.server.process.wait(60) == 0
    assert not any(process.is_running() for process in servers)
