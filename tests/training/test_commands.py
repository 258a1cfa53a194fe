"""What all commands have in common: Ctrl-C, and nothing from libraries on stderr."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from data.convert import main as convert
from data.process import main as process
from training.train import main as train

ROOT = Path(__file__).resolve().parents[2]
MODULES = (
    *(
        "training.versions",
        "training.retrain",
        "training.review",
        "data.process",
        "data.convert",
        "data.fetch",
    ),
    *("monitoring.drift_report", "monitoring.retention", "monitoring.compact", "monitoring.forget"),
    "chatbot.storage",
)
FILES = (
    "training/train.py",
    "training/evaluate.py",
    "monitoring/drift_report.py",
    "monitoring/retrain_if_needed.py",
    "data/process.py",
    "data/convert.py",
    "data/fetch.py",
)
"""Commands that also run as files."""


@pytest.mark.process
@pytest.mark.parametrize(
    ("command", "number", "line"),
    [
        *((f"-m {module}", signal.SIGINT, "interrupted\n") for module in MODULES),
        *((file, signal.SIGINT, "interrupted\n") for file in FILES),
        *(
            (f"-m {module}", signal.SIGTERM, "terminated\n")
            for module in ("training.retrain", "chatbot.storage")
        ),
    ],
)
def test_a_signal_while_a_command_imports_its_libraries_is_one_line(
    command: str, number: signal.Signals, line: str
) -> None:
    """A process of its own: a signal during imports cannot be had in this one."""
    started = [sys.executable, "-X", "importtime", *command.split()]
    process = subprocess.Popen(started, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    next(line for line in lines if "interrupt" in line)
    next(line for line in lines if "interrupt" not in line)  # an import after it: the handler is installed
    process.send_signal(number)
    said = [line for line in lines if not line.startswith("import time:")]
    assert process.wait(30) == 128 + number
    assert said == [line]


@pytest.mark.parametrize(
    ("app", "out", "says"),
    [
        (convert, "file/below", "Not a directory"),
        (process, "file/below", "Not a directory"),
        (train, "file", "is not a bundle and would be deleted"),
        (train, "folder", "is not a bundle and would be deleted"),
    ],
)
def test_a_place_that_cannot_be_written_is_named_and_what_is_there_stays(
    app: typer.Typer, out: str, says: str, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.csv"
    corpus.write_text("text,intent\n" + "".join(f"message {n},{'ab'[n % 2]}\n" for n in range(20)))
    (tmp_path / "folder").mkdir()
    for file in (tmp_path / "file", tmp_path / "folder" / "mine.csv"):
        file.write_text("mine")
    given = ["--corpus", str(corpus), "--no-track"] if app is train else [str(corpus)]
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, [*given, "--out", str(tmp_path / out)])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert says in result.output
    assert str(tmp_path / out) in result.output
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "mine.csv").read_text() == "mine"


@pytest.mark.process
@pytest.mark.parametrize("module", ["training.versions", "monitoring.drift_report", "monitoring.compact"])
def test_libraries_print_nothing_to_stderr(module: str, tmp_path: Path) -> None:
    """A process of its own: warnings of imports are shown once per process, and pytest takes them."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"} | {
        "PYTHONPATH": str(ROOT), "CHATBOT_STORE_URL": "store", "CHATBOT_LOG_FOLDER": "log",
    }  # fmt: skip
    command = [sys.executable, "-m", module]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
