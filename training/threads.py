"""One thread for linear algebra: with more it rounds by how many there are, and spins where cores are shared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """For the whole process, and for all its threads: to be entered by one of them, before it starts others.

    Limits that several threads set and lift by turns hold for none of them.
    """
    with threadpool_limits(1):
        yield
