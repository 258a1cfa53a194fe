"""Run Python as a child process and measure its seconds, processor time and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.bench.speed.servers import BenchError
from tools.processes import ROOT, clean_environment, tail


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of the whole process, its processor seconds, and peak resident memory in MB."""

    seconds: float
    processor_seconds: float
    peak_mb: float


def run_measured(arguments: Sequence[str], log: Path, **variables: str) -> Usage:
    """Run `python ARGUMENTS` in the project's folder, with its output in `log`.

    Args:
        variables: environment variables, beside those that are not the project's own.

    Raises:
        BenchError: it failed; contains the end of its output.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=clean_environment(**variables),
            stdout=output,
            stderr=output,
        )
        # wait4 instead of `resource`'s maximum over all children, which never decreases.
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = " ".join(arguments)[:200]
        raise BenchError(f"`python {said}` ended with {process.returncode}; it said:\n{tail(log)}")
    return Usage(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
