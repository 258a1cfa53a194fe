"""Parts of `make loop`: MinIO found or requested, ports, processes whose own output explains a failure."""

from __future__ import annotations

import socket
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from chatbot.errors import SettingError
from data.folder import read_intents
from data.messages import normalise
from tools.loop import minio, traffic
from tools.loop.parts import Parts, make_bucket, start_store
from tools.loop.report import LoopReport
from tools.processes import ROOT, Processes, StepError, port_of


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with neither MinIO nor a container runtime."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("TESTBED_HOME", str(tmp_path / "testbed"))
    (tmp_path / "bin").mkdir()
    return tmp_path


def a_program(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return str(file)


def test_without_minio_docker_and_podman_it_says_what_to_install(bare: Path) -> None:
    with pytest.raises(SettingError, match=r"`minio` on the PATH.*docker or podman.*STORE=folder"):
        minio.command(bare / "data", 9000, 9001)


def test_minio_is_taken_from_the_path_then_from_the_testbed_then_as_the_pinned_image(bare: Path) -> None:
    podman = a_program(bare / "bin" / "podman")
    assert minio.command(bare / "data", 9000, 9001)[:2] == [podman, "run"]
    assert "@sha256:" in minio.image()
    assert minio.image() in minio.command(bare / "data", 9000, 9001)
    testbed = a_program(bare / "testbed" / "bin" / "minio")
    assert minio.command(bare / "data", 9000, 9001)[0] == testbed
    own = a_program(bare / "bin" / "minio")
    assert minio.command(bare / "data", 9000, 9001)[0] == own


@pytest.mark.process
def test_a_port_is_the_named_one_or_a_free_one_and_never_one_that_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: set[int] = set()
    monkeypatch.delenv("CHATBOT_PORT", raising=False)
    first = port_of("CHATBOT_PORT", taken)
    assert port_of("CHATBOT_PORT", taken) != first
    with socket.create_server(("127.0.0.1", 0)) as busy:
        monkeypatch.setenv("CHATBOT_PORT", str(busy.getsockname()[1]))
        with pytest.raises(SettingError, match="CHATBOT_PORT="):
            port_of("CHATBOT_PORT", taken)
    monkeypatch.setenv("CHATBOT_PORT", str(first))
    with pytest.raises(SettingError, match="given to another part"):
        port_of("CHATBOT_PORT", taken)


@pytest.mark.process
def test_a_part_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    failing = [sys.executable, "-c", "import sys; sys.stderr.write('the disk is full'); sys.exit(3)"]
    processes.start("store", failing, "http://127.0.0.1:9/")
    with pytest.raises(StepError, match=r"store ended with 3: the disk is full"):
        processes.wait("store")
    # What it brought down with it may be why others fail.
    with pytest.raises(
        StepError, match=r"nonsense` ended with 2.*invalid choice.*store had ended with 3: the disk"
    ):
        processes.run("storage", "chatbot.storage", "nonsense")


@pytest.mark.process
def test_nothing_of_this_machines_settings_reaches_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATBOT_STORE_URL", "s3://production")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://production")
    processes = Processes(tmp_path, {"CHATBOT_STORE_URL": str(tmp_path / "store")})
    said = processes.run("storage", "chatbot.storage", "make-bucket")
    assert str(tmp_path / "store") in said


@pytest.mark.process
def test_the_loop_begins_with_a_folder_in_the_place_of_minio(tmp_path: Path) -> None:
    parts = Parts(Processes(tmp_path / "logs"), {})
    start_store(parts, tmp_path / "loop", "folder", set())
    make_bucket(parts)
    assert str(parts.store) == str(tmp_path / "loop" / "store")
    assert "MinIO" not in parts.links


def test_the_launch_is_about_nothing_that_the_corpus_teaches() -> None:
    launch = traffic.read_launch()
    assert len(launch.messages) >= 100
    assert len(launch.later) >= 20
    assert not {normalise(m) for m in launch.messages} & {normalise(m) for m in launch.later}
    intents = read_intents(ROOT / "data" / "corpus")
    assert launch.intent not in {intent.intent for intent in intents}
    taught = "\n".join(str(row) for intent in intents for row in intent.messages).lower()
    assert "trade-in" not in taught
    assert "trade in" not in taught


def test_an_ordinary_day_is_the_same_for_the_same_seed() -> None:
    day, source = traffic.ordinary(300, seed=7)
    assert (day, source) == traffic.ordinary(300, seed=7)
    assert len(day) == 300
    assert len({message for message, _ in day}) > 200
    assert "the shipped corpus" in source


def test_the_table_as_a_page_names_its_command_and_no_folder_of_this_machine(tmp_path: Path) -> None:
    report = LoopReport(Console(file=StringIO()))
    with report.step("store") as step:
        step.say(f"{tmp_path}/store | empty", store="x")
    page = report.page("python -m tools.loop", tmp_path)
    assert "Command: `python -m tools.loop` (" in page
    assert "| 1 | store | FOLDER/store / empty | " in page
    assert str(tmp_path) not in page
