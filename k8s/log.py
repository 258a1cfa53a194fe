"""Writes the log of the commands: lines with a timestamp on standard output."""

from __future__ import annotations

import sys
from datetime import UTC, datetime


def log(line: str) -> None:
    """Write one line, with the time in UTC, to the container's log."""
    sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}\n")
    sys.stdout.flush()
