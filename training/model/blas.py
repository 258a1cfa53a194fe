"""Limit linear algebra to one thread: rounding depends on the thread count, and idle threads spin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Apply the limit to the whole process; enter it in one thread, before that thread starts others.

    Limits that several threads set and reset concurrently are not effective for any of them.
    """
    with threadpool_limits(1):
        yield
