"""A process that answers messages as fast as a service might; tests kill it.

    python log_worker.py FOLDER BATCH [--no-drain]

Prints the prediction ids of a batch, a line each, once `append` has returned: from there on the answer may
have been sent, and the records must not be lost. On SIGTERM it closes the log and ends.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from chatbot.ids import new_id
from chatbot.records import Record
from chatbot.router import Reply
from chatbot.settings import LogSettings
from monitoring import logger
from monitoring.logger import InferenceLog

KEY = b"k" * 32
REPLY = Reply("track_order", "It is on its way.", 0.9, "rule")


def main() -> None:
    folder, batch = Path(sys.argv[1]), int(sys.argv[2])
    logger.DRAIN_SECONDS = 0.01
    log = InferenceLog(LogSettings(folder=folder))
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    if "--no-drain" not in sys.argv:
        log.start()
    while not stopped:
        records = [Record.of(REPLY, "where is my order", new_id(KEY)) for _ in range(batch)]
        log.append(records)
        # One write: a line is printed whole or not at all.
        os.write(1, "".join(f"{record.prediction_id}\n" for record in records).encode())
        time.sleep(0.002)
    log.close()


if __name__ == "__main__":
    main()
