"""Measure how cost grows and plot it: `python -m tools.bench.growth [curve ...]`.

Each curve is kept in `.cache/bench/growth`; page and picture are made of all that are there.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from matplotlib.figure import Figure
from rich.console import Console
from rich.text import Text

from data.commands import reports_errors
from tools.bench.figures import CACHE, commit
from tools.bench.growth.curves import CURVES, Curve, Point, table
from tools.bench.speed.machine import Machine
from tools.processes import ROOT

FOLDER = CACHE / "growth"
PAGE = ROOT / "docs" / "results.d" / "growth.md"
PICTURE = ROOT / "docs" / "images" / "growth.png"
SHOWN = ("messages a second", "p99 ms", "seconds", "peak memory, MB")
"""Values that are plotted, where a curve has them: two a curve."""
_COLOURS = ("#2563eb", "#dc2626")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@reports_errors()
def main(
    curves: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(CURVES)}; default: all.")] = None,
) -> None:
    """Measure the curves (all: about 15 minutes), then write the page and the picture."""
    console = Console()
    if unknown := [name for name in curves or [] if name not in CURVES]:
        console.print(Text(f"unknown curve {unknown[0]!r}; there are {', '.join(CURVES)}", style="red"))
        raise typer.Exit(2)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in curves or CURVES:
        curve = CURVES[name](partial(_say, console, name))
        content = asdict(curve) | {
            "measured": datetime.now(UTC).date().isoformat(),
            "commit": commit(),
            "machine": Machine.this().describe(),
        }
        (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
        _write()  # after each curve: a run that is stopped keeps what it measured
    console.print(f"written: {PAGE}, {PICTURE}")


def _write() -> None:
    """Make page and picture of the curves that were measured."""
    kept = {
        name: json.loads(file.read_text()) for name in CURVES if (file := FOLDER / f"{name}.json").is_file()
    }
    PAGE.write_text(page(kept), encoding="utf-8")
    picture({name: read(content) for name, content in kept.items()}, PICTURE)


def _say(console: Console, name: str, done: str) -> None:
    console.print(f"{name}: {done}", highlight=False)


def read(content: dict[str, object]) -> Curve:
    """Return the curve of a kept measurement."""
    points = tuple(Point(**point) for point in content["points"])  # type: ignore[attr-defined]
    return Curve(str(content["title"]), str(content["size"]), points, str(content["notes"]))


def page(kept: dict[str, dict[str, object]]) -> str:
    """Return the page as Markdown, from the kept measurements by name."""
    parts = ["# How cost grows\n\n![Cost over size](../images/growth.png)\n"]
    for name, content in kept.items():
        curve = read(content)
        parts.append(
            f"\n## {curve.title}\n\n`python -m tools.bench.growth {name}`, {content['measured']}, commit "
            f"`{content['commit']}`, {content['machine']}."
            + (f" {curve.notes[0].upper()}{curve.notes[1:]}." if curve.notes else "")
            + f"\n\n{table(curve)}"
        )
        if (grows := curve.exponent("seconds") if "seconds" in curve.points[0].values else None) is not None:
            parts.append(
                f"\nSeconds grow with the size to the power of {grows:.2f} (1: linear, 2: quadratic).\n"
            )
    return "".join(parts)


def picture(curves: dict[str, Curve], file: Path) -> None:
    """Plot each curve on logarithmic axes: one panel a curve, two values a panel."""
    columns = 3
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(5 * columns, 3.6 * rows), layout="constrained")
    for place, curve in enumerate(curves.values()):
        left = figure.add_subplot(rows, columns, place + 1)
        sizes = [point.size for point in curve.points]
        shown = [name for name in SHOWN if name in curve.points[0].values]
        for axes, name, colour in zip((left, left.twinx()), shown, _COLOURS, strict=False):
            axes.loglog(
                sizes, [point.values[name] for point in curve.points], "o-", color=colour, markersize=4
            )
            axes.set_ylabel(name, color=colour)
        left.set(title=curve.title, xlabel=curve.size)
        left.grid(visible=True, alpha=0.3)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=70)


if __name__ == "__main__":
    app()
