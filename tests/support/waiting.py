"""Wait until a condition holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(
    probe: Callable[[], T], seconds: float = 90, every: float = 0.05, state: Callable[[], object] = str
) -> T:
    """Poll until the probe returns a true value, and return it.

    Args:
        every: the pause between two calls of the probe, in seconds.
        state: what a failure shows, read when it occurs.
    """
    end = time.monotonic() + seconds
    while not (found := probe()):
        assert time.monotonic() < end, f"not within {seconds:g} s; last: {found!s:.2000} {state()}"
        time.sleep(every)
    return found
