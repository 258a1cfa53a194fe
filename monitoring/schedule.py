"""Run a command at a fixed interval, one run at a time. Schedules the drift check outside Kubernetes.

    python -m monitoring.schedule 3600 -- python -m monitoring.drift_report
    python -m monitoring.schedule check         exit code 1 if the last run failed, or if the next one is overdue

The first run starts immediately. If a run takes longer than the interval, the next one follows immediately.
A failed run is repeated after a minute; the reason is in the command's own output.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from chatbot.files import write_file
from chatbot.process import Stopped, stop_on

_STATE = Path(tempfile.gettempdir()) / "schedule.json"
_GRACE_SECONDS = 3600.0
_AGAIN_SECONDS = 60.0
_POLL_SECONDS = 0.05
_STOPS = (signal.SIGTERM, signal.SIGINT)


def run(seconds: float, command: list[str], state: Path = _STATE, again: float = _AGAIN_SECONDS) -> None:
    """Run the command at an interval until SIGTERM or SIGINT, then terminate its processes (SIGTERM) and wait for them.

    Args:
        seconds: interval between the starts of two runs; after a failure it is `again`.
        state: file that records the last run, for `check`.
    """
    stop_on(*_STOPS)
    try:
        while True:
            began = time.monotonic()
            code = _once(command)
            ended = {"ended": time.monotonic(), "code": code, "seconds": seconds}
            write_file(state, json.dumps(ended), sync=False)
            wait = min(seconds, again) if code else seconds
            time.sleep(max(0.0, began + wait - time.monotonic()))
    except Stopped:
        return


def check(state: Path = _STATE, now: float | None = None) -> str:
    """Return the problem of the schedule whose state `run` writes; empty without one, or before the first run ended.

    `now` is by the machine's monotonic clock, which all processes share.
    """
    if not state.is_file():
        return ""
    last = json.loads(state.read_text(encoding="utf-8"))
    if last["code"]:
        return f"the last run ended with exit code {last['code']}"
    late = (time.monotonic() if now is None else now) - last["ended"]
    if late > last["seconds"] + _GRACE_SECONDS:
        return f"the last run ended {late:.0f} s ago; one is due every {last['seconds']:.0f} s"
    return ""


def _once(command: list[str]) -> int:
    # A stop while the process starts is raised once its id is known.
    stops: list[int] = []
    handlers = {number: signal.signal(number, lambda by, _: stops.append(by)) for number in _STOPS}
    process = subprocess.Popen(command, process_group=0)
    try:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if stops:
            raise Stopped
        return process.wait()
    except Stopped:
        _terminate(process.pid)
        raise


def _terminate(group: int) -> None:
    """Send SIGTERM to a process group, and wait until no process of it is left: a shell ends before its commands do."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        while True:
            # PID 1 of a container also reaps the commands of a shell that ended.
            with suppress(ChildProcessError):
                while os.waitpid(-group, os.WNOHANG)[0]:
                    pass
            os.killpg(group, 0)
            time.sleep(_POLL_SECONDS)


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    if arguments == ["check"]:
        wrong = check()
        sys.stderr.write(f"{wrong}\n" if wrong else "")
        return 1 if wrong else 0
    try:
        seconds, command = float(arguments[0]), arguments[2:]
        if arguments[1] != "--" or not command or seconds <= 0:
            raise ValueError
    except (IndexError, ValueError):
        sys.stderr.write(__doc__ or "")
        return 2
    run(seconds, command)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
