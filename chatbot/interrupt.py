"""Exit on Ctrl-C or SIGTERM with one line instead of a traceback, also while a command still imports its libraries.

Context managers still clean up: a lease is released at once, so that the next process need not wait for its expiry.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

_SAID: dict[int, str] = {signal.SIGINT: "interrupted\n", signal.SIGTERM: "terminated\n"}


def exit_on_interrupt() -> None:
    """Install handlers that end the process with exit code 128 + signal, as shells report it.

    Without one, PID 1 of a container ignores SIGTERM, and any other process dies of it at once, with its lease held.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        sys.stderr.write(_SAID[number])
        sys.exit(128 + number)

    for number in _SAID:
        signal.signal(number, stop)


def exit_on_interrupt_of_module() -> None:
    """Do the same if `python -m` runs a module of the package that calls this first: its imports take seconds."""
    if sys.argv[:1] == ["-m"]:
        exit_on_interrupt()
