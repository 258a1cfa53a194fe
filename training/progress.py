"""What a long command shows while it works: a line a step, a bar where things can be counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from training.encoding import Advance


class Steps:
    """The steps of a command, each with its time; to be used as a context."""

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
        """A step whose length is not known."""
        task = self._progress.add_task(name, total=None)
        yield
        self._progress.update(task, total=1, completed=1)

    @contextmanager
    def count(self, name: str, total: int) -> Iterator[Advance]:
        """A step of so many messages; the context gives what is to be told of each lot done."""
        task = self._progress.add_task(name, total=total)
        yield lambda done: self._progress.update(task, advance=done)
        self._progress.update(task, completed=total)
