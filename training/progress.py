"""Show the progress of a long command: one line per step, a bar where items can be counted.

Where the output is not a terminal (a log), a line is printed as each step begins, and the table of all at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

Advance = Callable[[int], None]
"""Callback with the number of items done since the previous call."""


def no_progress(_count: int) -> None:
    """Ignore progress."""


class Steps:
    """Context manager that shows the steps of a command, each with its time."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )

    def __enter__(self) -> Steps:
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    @contextmanager
    def wait(self, name: str) -> Iterator[None]:
        """Show a step of unknown length."""
        task = self._begin(name, None)
        yield
        self._progress.update(task, total=1, completed=1)

    @contextmanager
    def count(self, name: str, total: int) -> Iterator[Advance]:
        """Show a step of `total` messages; yields the callback that advances it."""
        task = self._begin(name, total)
        yield lambda done: self._progress.update(task, advance=done)
        self._progress.update(task, completed=total)

    def _begin(self, name: str, total: int | None) -> TaskID:
        if not (console := self._progress.console).is_terminal:
            console.print(name if total is None else f"{name}: {total:,}", markup=False, highlight=False)
        return self._progress.add_task(name, total=total)
