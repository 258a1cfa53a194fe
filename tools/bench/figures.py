"""Define a measured figure: its value, its target, and the command that reproduces it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import jinja2
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tools.bench.speed.machine import Machine
from tools.bench.speed.servers import BenchError
from tools.processes import ROOT

CACHE = ROOT / ".cache" / "bench"
BUNDLE = ROOT / "models" / "current"
CORPUS = ROOT / "data" / "processed" / "corpus.parquet"

Bound = Literal["at least", "at most"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its target.

    Attributes:
        value: None: not measured; `note` states the reason.
        target: None: reported, without a target.
        unit: such as "%", " s" or " x"; appended directly to the number.
        command: reproduces this figure.
        digits: number of decimals shown; the comparison uses the unrounded value.
        bar: a value that was reached before; a worse one is a regression. None: no value is.
        measured: day and commit, where they differ from those of the file that holds the figure.
    """

    name: str
    value: float | None
    target: float | None
    bound: Bound
    unit: str = ""
    command: str = ""
    note: str = ""
    digits: int = 2
    bar: float | None = None
    measured: str = ""

    @property
    def has_regressed(self) -> bool:
        """Return whether the figure is worse than its bar, or should have been measured and was not."""
        if self.bar is None:
            return False
        return self.value is None or (
            self.value < self.bar if self.bound == "at least" else self.value > self.bar
        )

    @property
    def met(self) -> bool | None:
        """Return whether the target is met; None: there is no target, or nothing was measured."""
        if self.target is None or self.value is None:
            return None
        return self.value >= self.target if self.bound == "at least" else self.value <= self.target

    def show(self, value: float | None) -> str:
        """Format a value of this figure with its unit."""
        return "not measured" if value is None else f"{value:,.{self.digits}f}{self.unit}"

    @property
    def target_text(self) -> str:
        """Format the target: `>= 90.00 %`."""
        if self.target is None:
            return ""
        return f"{'≥' if self.bound == 'at least' else '≤'} {self.show(self.target)}"

    @property
    def verdict(self) -> str:
        """Describe whether the target was met or missed, and by how much."""
        if self.value is None:
            return "not measured" if self.target is not None else ""
        if self.target is None:
            return ""
        if self.value == self.target:
            return "met"
        by = self.show(abs(self.value - self.target)).replace(" %", " points")
        return f"{'met' if self.met else 'missed'} by {by}"


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as a Markdown table.

    Raises:
        BenchError: a figure has no command.
    """
    rows = []
    for figure in figures:
        if not figure.command:
            raise BenchError(f"the figure {figure.name!r} has no command that prints it")
        verdict = figure.verdict if figure.met in {True, None} else f"**{figure.verdict}**"
        note = "; ".join(part for part in (figure.note, figure.measured) if part)
        name = f"{figure.name} ({note})" if note else figure.name
        rows.append((name, figure.target_text, figure.show(figure.value), verdict, f"`{figure.command}`"))
    return markdown(("figure", "target", "measured", "", "command"), rows)


def refuse_regressions(console: Console, found: Iterable[Figure], kept: Path) -> None:
    """Print the figures that are worse than their bar, and end the command with exit code 1 if there are any."""
    worse = [figure for figure in found if figure.has_regressed]
    for figure in worse:
        told = f"regression: {figure.name}: {figure.show(figure.value)}, bar {figure.show(figure.bar)}"
        console.print(Text(told, "red"))
    if worse:
        raise typer.Exit(1)
    console.print(f"no figure is worse than its bar; results: {kept}")


def terminal_table(figures: Iterable[Figure]) -> Table:
    """Return the figures as a table for a terminal, without the commands."""
    shown = Table("figure", "target", "measured", "")
    for figure in figures:
        shown.add_row(Text(figure.name), figure.target_text, figure.show(figure.value), figure.verdict)
    return shown


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


def render(template: Path, **values: Any) -> str:
    """Return a page from its Markdown template; a name without a value is an error."""
    # Markdown, not HTML.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    return environment.from_string(template.read_text(encoding="utf-8")).render(values)


def write(file: Path, figures: Sequence[Figure], **more: Any) -> None:
    """Write the figures as JSON, with the machine, the commit and the time."""
    content: Mapping[str, Any] = _now() | {
        "machine": asdict(Machine.this()) | {"description": Machine.this().describe()},
        "figures": [asdict(figure) for figure in figures],
        **more,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def merge(file: Path, found: Sequence[Figure], **more: Any) -> None:
    """Replace figures of a file of `write` by those of the same names; the others keep their day and commit."""
    earlier, content = read(file) if file.is_file() else ([], {})
    new = {figure.name: figure for figure in found}
    before = measured(content) if content else ""
    if content and content["machine"]["description"] != Machine.this().describe():
        before += f" on another processor ({_processor(content['machine']['description'])})"
    elif content and measured(_now()) == before:
        before = ""
    kept = [
        new.pop(figure.name) if figure.name in new else replace(figure, measured=figure.measured or before)
        for figure in earlier
    ]
    write(file, [*kept, *new.values()], **more)


def _now() -> dict[str, str]:
    return {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit()}


def _processor(description: str) -> str:
    """Return the flags of a machine's description, which decide the encoder's arithmetic."""
    return description.partition("int8 flags: ")[2].partition(" (")[0] or description


def measured(content: Mapping[str, Any]) -> str:
    """Return the day and the commit of a file of `write`."""
    return f"measured {content['measured'][:10]} at commit `{content['commit']}`"


def read(file: Path) -> tuple[list[Figure], dict[str, Any]]:
    """Read a file of `write`. Returns: the figures, and the whole content."""
    content = json.loads(file.read_text(encoding="utf-8"))
    return [Figure(**figure) for figure in content["figures"]], content


def digest(files: Iterable[Path]) -> str:
    """Return the SHA-256 over the content of files: the cache key of what depends on them."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.read_bytes())
    return whole.hexdigest()


def commit() -> str:
    """Return the measured commit, with `-dirty` if files differ from it; the pages of results do not count."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/results*")
        return git("describe", "--always", "--exclude=*") + ("-dirty" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
