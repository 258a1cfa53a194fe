"""Report the loop's steps: live on the terminal, as a table at the end, and as JSON for programs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from tools.bench.figures import markdown

_MEANING = """\
Nothing in the table is written beforehand: each line is read from the store, the registry, retrain.json, the gate's
verdict or the bot's own answers, and `tests/loop/test_loop.py` plays it and checks the facts."""


@dataclass
class Step:
    """One row of the table."""

    title: str
    happened: str = ""
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    def say(self, happened: str, **facts: Any) -> None:
        """Set the step's result, as text and as machine-readable values."""
        self.happened = happened
        self.facts |= facts


class LoopReport:
    """Collects the steps."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.steps: list[Step] = []
        self._began = time.monotonic()
        self._load = os.getloadavg()[0]

    @property
    def seconds(self) -> float:
        """Return the seconds since the report was created."""
        return time.monotonic() - self._began

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Time a step; prints its line when it ends."""
        step = Step(title)
        began = time.monotonic()
        with self.console.status(f"[bold]{title}"):
            yield step
        step.seconds = time.monotonic() - began
        self.steps.append(step)
        line = Text.assemble(
            ("* ", "green"), (f"{title}: ", "bold"), step.happened, (f"  {step.seconds:.1f} s", "dim")
        )
        self.console.print(line, soft_wrap=True)

    def link(self, name: str, url: str) -> None:
        """Print a named link."""
        self.console.print(Text.assemble("  ", (f"{name:<12}", "dim"), (url, f"link {url}")), soft_wrap=True)

    def table(self) -> str:
        """Return the steps as a Markdown table."""
        rows = [
            (str(number), step.title, step.happened, f"{step.seconds:.1f}")
            for number, step in enumerate(self.steps, start=1)
        ]
        return markdown(("", "step", "what happened", "s"), rows)

    def page(self, command: str, folder: Path) -> str:
        """Return the table as Markdown, with the command that reproduces it and the machine's load."""
        return (
            f"# make loop\n\nCommand: `{command}` ({os.cpu_count()} cores; load average {self._load:.1f} when it "
            f"began, {os.getloadavg()[0]:.1f} when it ended: it makes about 2 itself). "
            f"It took {self.seconds:.0f} s.\n\n"
            f"{self.table().replace(str(folder), 'FOLDER')}\n{_MEANING}\n"
        )

    def write(self, file: Path) -> None:
        """Write the facts as JSON."""
        said = {
            "seconds": round(self.seconds, 1),
            "steps": [
                {"step": s.title, "happened": s.happened, "seconds": round(s.seconds, 1), **s.facts}
                for s in self.steps
            ],
        }
        file.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
