"""Hands over as a service does, in a process of its own that tests kill."""

from __future__ import annotations

import os
import time
from pathlib import Path

from chatbot.settings import HandoffSettings
from chatbot.store.folder import FolderStore
from monitoring.handoffs.log import HandoffLog, targets_of
from tests.monitoring.handoff_tools import make


def hand_over(folder: Path, settings: HandoffSettings, store: Path, output: Path) -> None:
    """Hand over for ever.

    Writes a prediction id to the output, a line each, once `append` has returned: from there on the customer may
    have been told that a person answers, and the handoff must not be lost.
    """
    log = HandoffLog(folder, settings, targets_of(settings, FolderStore(store)))
    log.start()
    told = os.open(output, os.O_WRONLY | os.O_APPEND)
    while True:
        (handoff,) = make(1)
        log.append([handoff])
        os.write(told, f"{handoff.prediction_id}\n".encode())
        time.sleep(0.005)
