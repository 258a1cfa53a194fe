"""Graceful shutdown: turn SIGTERM and SIGINT into an exception, for processes that must stop their children."""

from __future__ import annotations

import signal
from types import FrameType


class Stopped(BaseException):
    """The process received a stop signal.

    Not an `Exception`: libraries catch those (botocore, while it retries an unreachable store), and the process would
    continue.
    """


def stop_on(*numbers: signal.Signals) -> None:
    """Install handlers that raise `Stopped` in the main thread, even if the signals were ignored at start.

    A shell without job control starts background processes with SIGINT ignored.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    for number in numbers:
        signal.signal(number, stop)
