"""Exit on Ctrl-C with one line instead of a traceback, also while a command still imports its libraries."""

from __future__ import annotations

import signal
import sys
from types import FrameType

EXIT_CODE = 130
"""128 + SIGINT, as shells report it."""


def exit_on_interrupt() -> None:
    """Install a SIGINT handler that ends the process; context managers still clean up (lease, work folder)."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.stderr.write("interrupted\n")
        sys.exit(EXIT_CODE)

    signal.signal(signal.SIGINT, stop)


def exit_on_interrupt_of_module() -> None:
    """Do the same if `python -m` runs a module of the package that calls this first: its imports take seconds."""
    if sys.argv[:1] == ["-m"]:
        exit_on_interrupt()
