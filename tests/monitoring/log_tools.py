"""What the tests of the log share."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chatbot.ids import new_id
from chatbot.records import Record
from chatbot.router import Alternative, Prediction, Reply
from monitoring import csv_file, spool
from monitoring.logger import InferenceLog, read_log

ROOT = Path(__file__).parents[2]
KEY = b"k" * 32
PREDICTION = Prediction([Alternative("track_order", 0.9), Alternative("cancel_order", 0.05)], 1.5, [0.1] * 8)
REPLY = Reply("track_order", "It is on its way.", 0.9, "model", prediction=PREDICTION)


def make(count: int, chars: int = 0) -> list[Record]:
    """Records with ids of their own and messages of about so many characters."""
    query = "where is my order ".ljust(chars, ".").strip()
    return [replace(Record.of(REPLY, "where is my order", new_id(KEY)), query=query) for _ in range(count)]


def ids(records: Sequence[Record]) -> list[str]:
    return [record.prediction_id for record in records]


def read_ids(folder: Path) -> list[str]:
    return [record.prediction_id for record in read_log(folder)]


def seal(folder: Path, log: InferenceLog) -> None:
    """Let the log give what it wrote to the drain, as when another process is just draining."""
    with spool.folder_lock(folder) as alone:
        assert alone
        assert not log.drain()


def ids_in_csv(folder: Path) -> list[str]:
    """As a reader who knows only the CSV files would find them."""
    found = []
    for file in [*csv_file.put_aside(folder / "inference_log.csv"), folder / "inference_log.csv"]:
        if file.exists():
            with file.open(newline="") as stream:
                found += [row["prediction_id"] for row in csv.DictReader(stream, strict=True)]
    return found


class Worker:
    """A process of `log_worker.py`, and the ids of the answers it may have sent."""

    def __init__(self, folder: Path, batch: int, *options: str) -> None:
        script = Path(__file__).with_name("log_worker.py")
        output, self._output = tempfile.mkstemp(dir=folder.parent)
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(folder), str(batch), *options],
            stdout=output,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        os.close(output)

    def answered(self) -> list[str]:
        return Path(self._output).read_text().splitlines()

    def wait_for_answers(self, count: int) -> None:
        while len(self.answered()) < count:
            assert self.process.poll() is None, "the worker ended by itself"
            time.sleep(0.01)

    def end(self, how: signal.Signals) -> list[str]:
        self.process.send_signal(how)
        self.process.wait(30)
        return self.answered()
