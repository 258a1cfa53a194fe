"""Write the commands' log: timestamped lines on standard output."""

from __future__ import annotations

import sys
from datetime import UTC, datetime


def log(line: str) -> None:
    """Write one line with a UTC timestamp to standard output."""
    sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}\n")
    sys.stdout.flush()
