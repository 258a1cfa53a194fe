"""Answers messages as fast as a service might, in a process of its own that tests kill."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from chatbot.dialog.router import Reply
from chatbot.ids import new_id
from chatbot.records.schema import Record
from chatbot.settings import LogSettings
from monitoring.inference_log import log as logger
from monitoring.inference_log.log import InferenceLog

KEY = b"k" * 32
REPLY = Reply("track_order", "It is on its way.", 0.9, "rule")


def answer(folder: Path, batch: int, drain: bool, output: Path) -> None:
    """Log batches until SIGTERM, then close the log.

    Writes the prediction ids of a batch to the output, a line each, once `append` has returned: from there on the
    answer may have been sent, and the records must not be lost.
    """
    logger.DRAIN_SECONDS = 0.01
    log = InferenceLog(LogSettings(folder=folder))
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    if drain:
        log.start()
    told = os.open(output, os.O_WRONLY | os.O_APPEND)
    while not stopped:
        records = [Record.of(REPLY, "where is my order", new_id(KEY)) for _ in range(batch)]
        log.append(records)
        # One write: a line is printed whole or not at all.
        os.write(told, "".join(f"{record.prediction_id}\n" for record in records).encode())
        time.sleep(0.002)
    log.close()
