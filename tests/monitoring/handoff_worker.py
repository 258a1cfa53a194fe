"""A process that hands over as a service does; tests kill it.

    python handoff_worker.py FOLDER URL SECRET STORE COUNT

Prints a prediction id once `append` has returned: from there on the customer may have been told that a person
answers, and the handoff must not be lost.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from pydantic import SecretStr

from chatbot.settings import HandoffSettings
from chatbot.store_folder import FolderStore
from monitoring.handoffs import HandoffLog, targets_of
from tests.monitoring.handoff_tools import make


def main() -> None:
    folder, url, secret, store, count = sys.argv[1:]
    settings = HandoffSettings(url=url, secret=SecretStr(secret), retry_seconds=0.05, timeout_seconds=2)
    log = HandoffLog(Path(folder), settings, targets_of(settings, FolderStore(Path(store))))
    log.start()
    for _ in range(int(count)):
        (handoff,) = make(1)
        log.append([handoff])
        sys.stdout.write(handoff.prediction_id + "\n")
        sys.stdout.flush()
        time.sleep(0.005)
    time.sleep(3600)


if __name__ == "__main__":
    main()
