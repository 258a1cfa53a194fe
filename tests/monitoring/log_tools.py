"""What the tests of the log share."""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from chatbot.dialog.router import Alternative, Prediction, Reply
from chatbot.ids import new_id
from chatbot.records.schema import Record
from chatbot.settings import LogSettings, StorageSettings, UploadSettings
from monitoring.inference_log import csv_file, spool
from monitoring.inference_log.log import InferenceLog
from monitoring.inference_log.reader import read_log
from monitoring.inference_log.uploader import Uploader
from tests.monitoring.log_worker import answer
from tests.support.records import ids

ROOT = Path(__file__).parents[2]
KEY = b"k" * 32
PREDICTION = Prediction([Alternative("track_order", 0.9), Alternative("cancel_order", 0.05)], 1.5, [0.1] * 8)
REPLY = Reply("track_order", "It is on its way.", 0.9, "model", prediction=PREDICTION)


class CountedLog(InferenceLog):
    """A log that keeps what it reports of its records."""

    def __init__(self, settings: LogSettings) -> None:
        self.counts: Counter[str] = Counter()
        super().__init__(settings, lambda outcome, rows: self.counts.update({outcome: rows}))


def make(count: int, chars: int = 0) -> list[Record]:
    """Records with ids of their own and messages of about so many characters."""
    query = "where is my order ".ljust(chars, ".").strip()
    return [replace(Record.of(REPLY, "where is my order", new_id(KEY)), query=query) for _ in range(count)]


def read_ids(folder: Path) -> list[str]:
    return ids(list(read_log(folder)))


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


class Waiting(Uploader):
    """Takes segments and sends nothing by itself.

    Attributes:
        left: the seconds that it had to close.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            LogSettings(folder=folder), UploadSettings(close_seconds=60), StorageSettings(url="none")
        )
        self.left: float | None = None

    def tend(self, alone: bool = True) -> None:
        return

    def close(self, seconds: float | None = None) -> None:
        self.left = seconds


FORK = multiprocessing.get_context("fork")
"""Makes processes of this one, which has imported what they need: a fresh interpreter takes a second or more."""


class Worker:
    """A process of `log_worker.answer`, and the ids of the answers it may have sent."""

    def __init__(self, folder: Path, batch: int, drain: bool = True) -> None:
        output, name = tempfile.mkstemp(dir=folder.parent)
        os.close(output)
        self._output = Path(name)
        self.process = FORK.Process(target=answer, args=(folder, batch, drain, self._output), daemon=True)
        self.process.start()

    def answered(self) -> list[str]:
        return self._output.read_text().splitlines()

    def wait_for_answers(self, count: int) -> None:
        while len(self.answered()) < count:
            assert self.process.is_alive(), "the worker ended by itself"
            time.sleep(0.01)

    def end(self, how: signal.Signals) -> list[str]:
        assert self.process.pid is not None
        os.kill(self.process.pid, how)
        self.process.join(30)
        return self.answered()
