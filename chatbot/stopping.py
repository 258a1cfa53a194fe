"""SIGTERM and Ctrl-C, for a process that has to take down what it started."""

from __future__ import annotations

import signal
from types import FrameType


class Stopped(BaseException):
    """Somebody asked this process to stop.

    No `Exception`: botocore, for one, catches those while it asks a store that is away, and the process would go on.
    """


def stop_on(*numbers: signal.Signals) -> None:
    """From now on these signals raise `Stopped` in the main thread, also where this process was born deaf to them.

    A shell without job control starts what it puts into the background with SIGINT ignored.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    for number in numbers:
        signal.signal(number, stop)
